/** Writing: the file gets its name only when all of it is on disk. */
import { Effect, FileSystem, type PlatformError } from "effect";
import { bitsOf, type HostedDType, type TensorData } from "./dtype.ts";
import { encodeBF16, encodeF16 } from "./half.ts";
import { elementsOf } from "./header.ts";
import { SafetensorsError } from "./safetensors_error.ts";

/** Elements narrowed at a time. */
const CHUNK = 1 << 19;

/** A tensor to write. `data` as an effect is asked for only when its turn comes, so one tensor is in memory at a time. */
export interface TensorToWrite<E = never, R = never> {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
  /** F16 and BF16 take f32 data and round it to nearest, ties to even. */
  readonly dtype: HostedDType;
  readonly data: TensorData | Effect.Effect<TensorData, E, R>;
}

const hosts = (dtype: HostedDType, data: TensorData): boolean => {
  switch (dtype) {
    case "F32":
    case "F16":
    case "BF16":
      return data instanceof Float32Array;
    case "F64":
      return data instanceof Float64Array;
    case "I32":
      return data instanceof Int32Array;
    case "I64":
      return data instanceof BigInt64Array;
    case "U8":
    case "BOOL":
      return data instanceof Uint8Array;
  }
};

const bytesOf = (data: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The JSON header with its length before it, padded by spaces so that the data begins at a multiple of 8. */
const encodeHeader = (
  tensors: ReadonlyArray<TensorToWrite<unknown, unknown>>,
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array<ArrayBuffer> => {
  const header: Record<string, unknown> = Object.create(null);
  if (metadata !== undefined) header["__metadata__"] = metadata;
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = at + (elementsOf(shape) * bitsOf(dtype)) / 8;
    header[name] = { dtype, shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
};

/** Wider dtypes first, then by name: every tensor stays aligned, and the same tensors give the same bytes. */
const layOut = <E, R>(
  tensors: ReadonlyArray<TensorToWrite<E, R>>,
): ReadonlyArray<TensorToWrite<E, R>> =>
  tensors.toSorted(
    (a, b) => bitsOf(b.dtype) - bitsOf(a.dtype) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );

const writeTensor = Effect.fnUntraced(function* <E, R>(
  file: string,
  handle: FileSystem.File,
  tensor: TensorToWrite<E, R>,
): Effect.fn.Return<void, E | SafetensorsError | PlatformError.PlatformError, R> {
  const { name, dtype, shape } = tensor;
  const data = Effect.isEffect(tensor.data) ? yield* tensor.data : tensor.data;
  if (!hosts(dtype, data) || data.length !== elementsOf(shape)) {
    return yield* new SafetensorsError({
      file,
      tensor: name,
      message: `Expected data for ${dtype} [${shape.join(", ")}] (${elementsOf(shape)} elements), got a ${data.constructor.name} of ${data.length}, at tensor ${name} of ${file}`,
    });
  }
  if (!(data instanceof Float32Array) || dtype === "F32") {
    return yield* handle.writeAll(bytesOf(data));
  }
  const narrow = dtype === "F16" ? encodeF16 : encodeBF16;
  for (let at = 0; at < data.length; at += CHUNK) {
    yield* handle.writeAll(bytesOf(narrow(data.subarray(at, at + CHUNK))));
  }
});

/**
 * Writes tensors to `path`, replacing what is there in one rename. Nothing is left behind by a failure.
 *
 * @param options.metadata text for `__metadata__`; loaders of PyTorch models look for `format: "pt"`
 */
export const writeSafetensors = Effect.fnUntraced(function* <E = never, R = never>(
  path: string,
  tensors: ReadonlyArray<TensorToWrite<E, R>>,
  options: { readonly metadata?: Readonly<Record<string, string>> } = {},
): Effect.fn.Return<
  void,
  E | SafetensorsError | PlatformError.PlatformError,
  R | FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name) || name === "__metadata__") {
      return yield* new SafetensorsError({
        file: path,
        tensor: name,
        message: `Expected distinct tensor names other than __metadata__, got ${name}, at ${path}`,
      });
    }
    seen.add(name);
  }
  const partial = `${path}.partial`;
  const ordered = layOut(tensors);
  const write = Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* fs.open(partial, { flag: "w" });
      yield* handle.writeAll(encodeHeader(ordered, options.metadata));
      for (const tensor of ordered) yield* writeTensor(path, handle, tensor);
      yield* handle.sync;
    }),
  );
  yield* write.pipe(
    Effect.andThen(fs.rename(partial, path)),
    Effect.onError(() => Effect.ignore(fs.remove(partial, { force: true }))),
  );
});
