/** One open safetensors file: its header in memory, its tensors read one by one. */
import { Effect, FileSystem, type PlatformError, type Scope } from "effect";
import { allocate, HOSTED_DTYPES, isHostedDType, type TensorData } from "./dtype.ts";
import { decodeBF16, decodeF16 } from "./half.ts";
import { elementsOf, type Header, MAX_HEADER_BYTES, parseHeader } from "./header.ts";
import { SafetensorsError } from "./safetensors_error.ts";

/** Bytes converted at a time, so that a 16-bit tensor needs its f32 copy and this, not both copies. */
const CHUNK_BYTES = 1 << 20;

/** Why a file cannot be read: it is not there, or not what it says. */
export type ReadError = SafetensorsError | PlatformError.PlatformError;

/** A tensor in host memory. f16 and bf16 come widened to f32; `dtype` says what was stored. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: ReadonlyArray<number>;
  readonly data: TensorData;
}

/** What can be asked of one file or of all shards of a checkpoint. */
export interface TensorReader {
  readonly names: ReadonlyArray<string>;
  readonly read: (name: string) => Effect.Effect<StoredTensor, ReadError>;
  /** F32, F16 or BF16 as f32; another dtype is an error. */
  readonly readFloats: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, ReadError>;
}

/** An open file; tensors are read when asked for. */
export interface SafetensorsFile extends TensorReader {
  readonly path: string;
  readonly header: Header;
}

/** Fills `buffer` from `position`; a file that ends before is an error that names the tensor. */
const fill = Effect.fnUntraced(function* (
  handle: FileSystem.File,
  buffer: Uint8Array,
  position: number,
  cut: (missing: number) => SafetensorsError,
): Effect.fn.Return<void, ReadError> {
  let done = 0;
  while (done < buffer.length) {
    const got = yield* handle.read(buffer.subarray(done), { position: BigInt(position + done) });
    if (got === 0) return yield* cut(buffer.length - done);
    done += got;
  }
});

const readHeader = Effect.fnUntraced(function* (
  path: string,
  handle: FileSystem.File,
): Effect.fn.Return<Header, ReadError> {
  const fileBytes = Number((yield* handle.stat).size);
  const refuse = (message: string) => new SafetensorsError({ file: path, message });
  if (fileBytes < 10) {
    return yield* refuse(
      `Expected a safetensors file, got one of ${fileBytes} bytes, at ${path}; fetch it again`,
    );
  }
  const cut = (missing: number) =>
    refuse(
      `Expected a whole header, got ${missing} bytes too few, at ${path}; the file is truncated`,
    );
  const prefix = new Uint8Array(8);
  yield* fill(handle, prefix, 0, cut);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    return yield* refuse(
      `Expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}, at ${path}; is it a safetensors file?`,
    );
  }
  if (Number(length) > fileBytes - 8) {
    return yield* refuse(
      `Expected a header of ${length} bytes, got a file of ${fileBytes}, at ${path}; the file is truncated or not a safetensors file`,
    );
  }
  const json = new Uint8Array(Number(length));
  yield* fill(handle, json, 8, cut);
  return yield* parseHeader(path, json, fileBytes);
});

/** Opens a file for the length of the scope and checks its header. Numbers are little-endian, as is every host we run on. */
export const openSafetensors = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<SafetensorsFile, ReadError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  // Before it is opened: opening a pipe waits for somebody who writes to it.
  const { type } = yield* fs.stat(path);
  if (type !== "File") {
    return yield* new SafetensorsError({
      file: path,
      message: `Expected a file, got a ${type}, at ${path}; put the file there, or fetch the checkpoint again`,
    });
  }
  const handle = yield* fs.open(path, { flag: "r" });
  const header = yield* readHeader(path, handle);

  const read = Effect.fnUntraced(function* (
    name: string,
  ): Effect.fn.Return<StoredTensor, ReadError> {
    const refuse = (message: string) => new SafetensorsError({ file: path, tensor: name, message });
    const info = header.tensors.get(name);
    if (info === undefined) {
      return yield* refuse(
        `Expected a tensor named ${name}, got none among ${header.tensors.size}, at ${path}; fetch the checkpoint again, or give the one that config.json belongs to`,
      );
    }
    if (!isHostedDType(info.dtype)) {
      return yield* refuse(
        `Expected one of ${HOSTED_DTYPES.join(", ")}, got ${info.dtype}, at tensor ${name} of ${path}; convert the checkpoint`,
      );
    }
    const { dtype, shape } = info;
    const data = allocate(dtype, elementsOf(shape));
    const start = header.dataStart + info.begin;
    const cut = (missing: number) =>
      refuse(
        `Expected ${missing} more bytes of ${name}, got the end of ${path}; it shrank while open`,
      );
    if ((dtype === "F16" || dtype === "BF16") && data instanceof Float32Array) {
      const widen = dtype === "F16" ? decodeF16 : decodeBF16;
      const chunk = new Uint16Array(Math.min(CHUNK_BYTES / 2, data.length));
      for (let at = 0; at < data.length; at += chunk.length) {
        const part = chunk.subarray(0, Math.min(chunk.length, data.length - at));
        const bytes = new Uint8Array(part.buffer, 0, part.byteLength);
        yield* fill(handle, bytes, start + 2 * at, cut);
        widen(part, data, at);
      }
    } else {
      yield* fill(handle, new Uint8Array(data.buffer), start, cut);
    }
    return { name, dtype, shape, data };
  });

  return { path, header, names: [...header.tensors.keys()], read, readFloats: floats(path, read) };
});

/** `readFloats` over any `read`. */
export const floats =
  (file: string, read: TensorReader["read"]): TensorReader["readFloats"] =>
  (name) =>
    Effect.flatMap(read(name), ({ data, dtype }) =>
      data instanceof Float32Array
        ? Effect.succeed(data)
        : Effect.fail(
            new SafetensorsError({
              file,
              tensor: name,
              message: `Expected F32, F16 or BF16, got ${dtype}, at tensor ${name} of ${file}; convert the checkpoint`,
            }),
          ),
    );
