import { NodeServices } from "@effect/platform-node";
import { RunHost } from "@resd/run";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { hostLayer } from "../host.ts";
import { listEnvironments } from "./list.ts";

/** The usual host, but nothing can be imported. */
const readingOnly = Layer.effect(
  RunHost,
  Effect.map(RunHost, (host) => ({
    ...host,
    importModule: () => Promise.reject(new Error("something was imported")),
  })),
).pipe(Layer.provide(hostLayer));

describe("listEnvironments", () => {
  it.effect("finds the environments of the checkout, and runs nothing of them", () =>
    Effect.gen(function* () {
      const { environments, refused } = yield* listEnvironments;
      assert.isEmpty(refused);
      const kestrel = environments.find(({ id }) => id === "kestrel");
      assert.deepInclude(kestrel, { use: "kestrel", package: "@resd/env-kestrel" });
      for (const { description, version } of environments) assert.isOk(description && version);
      const ids = environments.map(({ id }) => id);
      assert.deepStrictEqual(ids, [...new Set(ids)].toSorted());
    }).pipe(Effect.provide(Layer.merge(readingOnly, NodeServices.layer))),
  );
});
