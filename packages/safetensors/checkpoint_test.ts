import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { openCheckpoint } from "./checkpoint.ts";
import { writeSafetensors } from "./write_safetensors.ts";

const shard = (folder: string, file: string, name: string, value: number) =>
  writeSafetensors(`${folder}/${file}`, [
    { name, dtype: "F32", shape: [2], data: Float32Array.of(value, value) },
  ]);

layer(NodeServices.layer)("checkpoint", (it) => {
  describe("openCheckpoint", () => {
    it.effect("openCheckpoint() reads one file", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* fs.makeTempDirectoryScoped();
        yield* shard(folder, "model.safetensors", "w", 3);
        const checkpoint = yield* openCheckpoint(folder);
        assert.deepStrictEqual(checkpoint.names, ["w"]);
        assert.deepStrictEqual([...(yield* checkpoint.readFloats("w"))], [3, 3]);
      }),
    );

    it.effect("openCheckpoint() reads the shards that an index lists", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* fs.makeTempDirectoryScoped();
        yield* shard(folder, "model-00001-of-00002.safetensors", "a", 1);
        yield* shard(folder, "model-00002-of-00002.safetensors", "b", 2);
        yield* fs.writeFileString(
          `${folder}/model.safetensors.index.json`,
          JSON.stringify({
            metadata: { total_size: 16 },
            weight_map: {
              a: "model-00001-of-00002.safetensors",
              b: "model-00002-of-00002.safetensors",
            },
          }),
        );
        const checkpoint = yield* openCheckpoint(folder);
        assert.deepStrictEqual(checkpoint.names, ["a", "b"]);
        assert.deepStrictEqual(checkpoint.infos.get("b")?.shape, [2]);
        assert.deepStrictEqual([...(yield* checkpoint.readFloats("b"))], [2, 2]);
        const missing = yield* Effect.flip(checkpoint.read("c"));
        assert.include(missing.message, "Expected a tensor named c");
      }),
    );

    it.effect(
      "openCheckpoint() refuses an index that names what is not there, or leaves the folder",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem;
          const folder = yield* fs.makeTempDirectoryScoped();
          const index = (weight_map: unknown) =>
            fs.writeFileString(
              `${folder}/model.safetensors.index.json`,
              JSON.stringify({ weight_map }),
            );
          yield* shard(folder, "one.safetensors", "a", 1);
          yield* index({ a: "one.safetensors", b: "one.safetensors" });
          const absent = yield* Effect.flip(openCheckpoint(folder));
          assert.include(absent.message, "Expected tensor b in one.safetensors");
          yield* index({ a: "../one.safetensors" });
          const outside = yield* Effect.flip(openCheckpoint(folder));
          assert.include(outside.message, "Expected shard names without a path");
          yield* index(3);
          const broken = yield* Effect.flip(openCheckpoint(folder));
          assert.include(broken.message, "weight_map");
        }),
    );

    it.effect("openCheckpoint() says what a folder without weights lacks", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const error = yield* Effect.flip(openCheckpoint(yield* fs.makeTempDirectoryScoped()));
        assert.include(error.message, "Expected model.safetensors or model.safetensors.index.json");
      }),
    );
  });
});
