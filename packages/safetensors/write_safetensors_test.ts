import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { openSafetensors } from "./safetensors_file.ts";
import { writeSafetensors } from "./write_safetensors.ts";

layer(NodeServices.layer)("write_safetensors", (it) => {
  describe("writeSafetensors", () => {
    it.effect("writeSafetensors() puts wide dtypes first and the data at a multiple of 8", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const path = `${yield* fs.makeTempDirectoryScoped()}/x.safetensors`;
        yield* writeSafetensors(
          path,
          [
            { name: "u", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
            { name: "b", dtype: "F32", shape: [1], data: Float32Array.of(1) },
            { name: "a", dtype: "F32", shape: [1], data: Float32Array.of(2) },
            { name: "l", dtype: "I64", shape: [1], data: BigInt64Array.of(-5n) },
          ],
          { metadata: { format: "pt" } },
        );
        const { header } = yield* openSafetensors(path);
        assert.deepStrictEqual([...header.tensors.keys()], ["l", "a", "b", "u"]);
        assert.strictEqual(header.dataStart % 8, 0);
        assert.deepStrictEqual(header.metadata, { format: "pt" });
      }),
    );

    it.effect("writeSafetensors() keeps the old file and leaves no other when data fails", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* fs.makeTempDirectoryScoped();
        const path = `${folder}/x.safetensors`;
        const tensor = { name: "a", dtype: "F32", shape: [1] } as const;
        yield* writeSafetensors(path, [{ ...tensor, data: Float32Array.of(1) }]);
        const error = yield* Effect.flip(
          writeSafetensors(path, [{ ...tensor, data: Effect.fail("gone" as const) }]),
        );
        assert.strictEqual(error, "gone");
        assert.deepStrictEqual(yield* fs.readDirectory(folder), ["x.safetensors"]);
        const file = yield* openSafetensors(path);
        assert.deepStrictEqual([...(yield* file.readFloats("a"))], [1]);
      }),
    );

    it.effect(
      "writeSafetensors() refuses data that does not fit dtype and shape, and double names",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem;
          const path = `${yield* fs.makeTempDirectoryScoped()}/x.safetensors`;
          const short = yield* Effect.flip(
            writeSafetensors(path, [
              { name: "w", dtype: "F16", shape: [2, 2], data: new Float32Array(3) },
            ]),
          );
          assert.include(short.message, "Expected data for F16 [2, 2] (4 elements)");
          assert.include(short.message, "a Float32Array of 3, at tensor w");
          const one = { name: "w", dtype: "F32", shape: [1], data: new Float32Array(1) } as const;
          const twice = yield* Effect.flip(writeSafetensors(path, [one, one]));
          assert.include(twice.message, "Expected distinct tensor names");
          assert.isFalse(yield* fs.exists(path));
        }),
    );
  });
});
