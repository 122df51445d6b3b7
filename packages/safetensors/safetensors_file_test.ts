import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem, Schema } from "effect";
import { openSafetensors } from "./safetensors_file.ts";
import { writeSafetensors } from "./write_safetensors.ts";

const inFolder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped());

/** A file with the given header and data, as another writer would leave it. */
const rawFile = (header: unknown, dataBytes: number): Uint8Array => {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
};

const messageOf = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const fs = yield* FileSystem.FileSystem;
  const path = `${yield* inFolder}/x.safetensors`;
  yield* fs.writeFile(path, bytes);
  const error = yield* Effect.flip(openSafetensors(path));
  assert.strictEqual(error._tag, "SafetensorsError");
  return error.message;
});

layer(NodeServices.layer)("safetensors_file", (it) => {
  describe("openSafetensors", () => {
    it.effect.prop(
      "openSafetensors() reads back what writeSafetensors() wrote, of every dtype and any shape",
      [
        Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffffffff }))),
        Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
      ],
      ([words, rows]) =>
        Effect.gen(function* () {
          const path = `${yield* inFolder}/x.safetensors`;
          const n = words.length * rows;
          const bits = Uint32Array.from({ length: n }, (_, i) => words[i % words.length]! ^ i);
          const shape = [rows, words.length];
          const longs = BigInt64Array.from(bits, (word) => BigInt(word) * -3n);
          yield* writeSafetensors(path, [
            { name: "bytes", dtype: "U8", shape: [n], data: Uint8Array.from(bits) },
            { name: "f32", dtype: "F32", shape, data: new Float32Array(bits.buffer) },
            { name: "i32", dtype: "I32", shape, data: new Int32Array(bits.buffer) },
            { name: "i64", dtype: "I64", shape, data: longs },
            { name: "f64", dtype: "F64", shape, data: Float64Array.from(bits) },
            { name: "scalar", dtype: "F32", shape: [], data: Float32Array.of(2.5) },
          ]);
          const file = yield* openSafetensors(path);
          const raw = (name: string) =>
            Effect.map(file.read(name), ({ data }) => new Uint32Array(data.buffer));
          assert.deepStrictEqual(yield* raw("f32"), bits);
          assert.deepStrictEqual(yield* raw("i32"), bits);
          assert.deepStrictEqual((yield* file.read("i64")).data, longs);
          assert.deepStrictEqual((yield* file.read("f64")).data, Float64Array.from(bits));
          assert.deepStrictEqual((yield* file.read("bytes")).data, Uint8Array.from(bits));
          assert.deepStrictEqual((yield* file.read("f32")).shape, shape);
          assert.deepStrictEqual([...(yield* file.readFloats("scalar"))], [2.5]);
        }).pipe(Effect.scoped),
      { arbitrary: { runs: 20 } },
    );

    it.effect("openSafetensors() widens 16-bit floats exactly, across chunk borders", () =>
      Effect.gen(function* () {
        const path = `${yield* inFolder}/x.safetensors`;
        const n = (1 << 19) + 1234;
        const half = Uint32Array.from({ length: n }, (_, i) => (i * 2654435761) & 0x7fff0000);
        const bf16 = new Float32Array(half.buffer);
        const small = Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 4096) / 2048 - 1);
        yield* writeSafetensors(path, [
          { name: "b", dtype: "BF16", shape: [n], data: bf16 },
          { name: "h", dtype: "F16", shape: [n], data: small },
        ]);
        const file = yield* openSafetensors(path);
        assert.strictEqual(file.header.tensors.get("b")?.dtype, "BF16");
        const b = yield* file.readFloats("b");
        const h = yield* file.readFloats("h");
        const back = new Uint32Array(b.buffer);
        for (let i = 0; i < n; i++) {
          if (back[i] !== half[i] || h[i] !== small[i]) assert.fail(`element ${i}`);
        }
      }),
    );

    it.effect("openSafetensors() names the tensor that a truncated file lacks", () =>
      Effect.gen(function* () {
        const header = {
          a: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
          b: { dtype: "F32", shape: [2], data_offsets: [8, 16] },
        };
        assert.include(yield* messageOf(rawFile(header, 12)), "16 bytes of data for b, got 12");
        assert.include(yield* messageOf(rawFile(header, 20)), "4 bytes that no tensor claims");
        assert.include(yield* messageOf(rawFile(header, 16).subarray(0, 40)), "truncated");
        assert.include(yield* messageOf(new Uint8Array(4)), "got one of 4 bytes");
      }),
    );

    it.effect(
      "openSafetensors() refuses overlaps, holes, wrong sizes and unknown dtypes by name",
      () =>
        Effect.gen(function* () {
          const a = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
          const at = (begin: number, end: number, dtype = "F32") => ({
            a,
            b: { dtype, shape: [2], data_offsets: [begin, end] },
          });
          assert.include(yield* messageOf(rawFile(at(4, 12), 12)), "got b at 4..12 over a");
          assert.include(yield* messageOf(rawFile(at(12, 20), 20)), "4 unused bytes before b");
          assert.include(yield* messageOf(rawFile(at(8, 12), 12)), "Expected 8 bytes for F32 [2]");
          assert.include(yield* messageOf(rawFile(at(8, 16, "F37"), 16)), "got F37, at tensor b");
          assert.include(yield* messageOf(rawFile({ a: { dtype: "F32" } }, 0)), "at tensor a");
          assert.include(yield* messageOf(rawFile("not json", 0)), "is it a safetensors file?");
          const huge = rawFile({}, 0);
          new DataView(huge.buffer).setBigUint64(0, 1n << 40n, true);
          assert.include(yield* messageOf(huge), "Expected a header of at most");
        }),
    );

    it.effect("read() says which tensor is missing, and which dtype cannot be read", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const path = `${yield* inFolder}/x.safetensors`;
        yield* fs.writeFile(
          path,
          rawFile({ a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, 4),
        );
        const file = yield* openSafetensors(path);
        const missing = yield* Effect.flip(file.read("nope"));
        assert.include(missing.message, "Expected a tensor named nope");
        const unread = yield* Effect.flip(file.read("a"));
        assert.include(unread.message, "got F8_E4M3, at tensor a");
      }),
    );

    it.effect("readFloats() refuses integers by name", () =>
      Effect.gen(function* () {
        const path = `${yield* inFolder}/x.safetensors`;
        yield* writeSafetensors(path, [
          { name: "ids", dtype: "I32", shape: [1], data: Int32Array.of(3) },
        ]);
        const file = yield* openSafetensors(path);
        const error = yield* Effect.flip(file.readFloats("ids"));
        assert.include(error.message, "Expected F32, F16 or BF16, got I32, at tensor ids");
      }),
    );
  });
});
