import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { findModelFolder } from "./find_model_folder.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Sets environment variables for the length of the scope. */
const withEnvironment = (values: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env };
      Object.assign(process.env, values);
      return before;
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(values)) delete process.env[name];
        Object.assign(process.env, before);
      }),
  );

/** A cache as Python programs leave it, with one model. */
const writeCache = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const cache = yield* fs.makeTempDirectoryScoped();
  const repository = `${cache}/models--org--model`;
  const snapshot = `${repository}/snapshots/${COMMIT}`;
  yield* fs.makeDirectory(`${repository}/refs`, { recursive: true });
  yield* fs.makeDirectory(snapshot, { recursive: true });
  yield* fs.writeFileString(`${repository}/refs/main`, COMMIT);
  for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
    yield* fs.writeFileString(`${snapshot}/${file}`, "{}");
  }
  yield* fs.writeFileString(`${snapshot}/model.safetensors`, "");
  return { cache, snapshot };
});

layer(NodeServices.layer)("find_model_folder", (it) => {
  describe("findModelFolder", () => {
    it.effect("findModelFolder() takes folders as they are, and looks names up in the cache", () =>
      Effect.gen(function* () {
        const { cache, snapshot } = yield* writeCache;
        yield* withEnvironment({ HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1" });
        assert.strictEqual(yield* findModelFolder(snapshot), snapshot);
        assert.strictEqual(yield* findModelFolder("./org/model"), "./org/model");
        assert.strictEqual(yield* findModelFolder("not a name"), "not a name");
        for (const name of ["org/model", "org/model@main", `org/model@${COMMIT}`]) {
          assert.strictEqual(yield* findModelFolder(name), snapshot);
        }
        const error = yield* Effect.flip(findModelFolder("org/other"));
        assert.include(error.message, "got org/other, which is no folder here. On the hub:");
        assert.include(error.message, "unset HF_HUB_OFFLINE");
      }),
    );
  });
});
