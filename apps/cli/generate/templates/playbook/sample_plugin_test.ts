import { NodeServices } from "@effect/platform-node";
import { playbookLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, FileSystem, Layer } from "effect";
import { describe } from "vitest";
import { layer } from "./mod.ts";

/** Every law gets a file of its own. */
const store = Layer.unwrap(
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem;
    const folder = yield* fileSystem.makeTempDirectoryScoped();
    return layer({ file: `${folder}/playbooks.json` });
  }),
).pipe(Layer.provide(NodeServices.layer));

describe("playbook-sample-plugin", () => registerLaws(playbookLaws(store, { sequences: 20 })));
