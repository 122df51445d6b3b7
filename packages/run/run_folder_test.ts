import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { resolveConfig } from "./resolve_config.ts";
import { makeRunFolder, stepName } from "./run_folder.ts";

const makeAt = (runDir: string) =>
  Effect.flatMap(resolveConfig([], [{ path: "runDir", text: runDir }]), ({ config }) =>
    makeRunFolder(config),
  );

describe("makeRunFolder", () => {
  it.effect("makeRunFolder() makes the folder that is asked for, and takes an empty one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* folderWith({});
      const files = yield* makeAt(folder);
      assert.isTrue(yield* fs.exists(files.rollouts));
      assert.isTrue(yield* fs.exists((yield* makeAt(`${folder}/deep/er`)).playbook));
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("makeRunFolder() refuses a folder that has something in it", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "summary.json": "{}" });
      const error = yield* Effect.flip(makeAt(folder));
      assert.match(
        error.message,
        /Expected a new or empty folder for the run, got one with 1 files, at .*; choose another --run-dir/,
      );
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it("stepName() makes names that sort as their numbers do", () => {
    assert.deepStrictEqual([12, 2, 100].map(stepName).toSorted(), ["000002", "000012", "000100"]);
  });
});
