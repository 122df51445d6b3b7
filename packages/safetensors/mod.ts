/**
 * Reads and writes safetensors files: strict headers, partial reads through Effect's FileSystem, exact conversions
 * between f16, bf16 and f32, sharded checkpoints, and writes that appear under their name only when complete.
 *
 * @example
 * ```ts
 * const weights = yield* openCheckpoint("models/kestrel");
 * const embedding = yield* weights.readFloats("model.embed_tokens.weight"); // Float32Array
 * ```
 *
 * @module
 */
export * from "./checkpoint.ts";
export { HOSTED_DTYPES, type HostedDType, type StoredDType, type TensorData } from "./dtype.ts";
export * from "./half.ts";
export type { Header, TensorInfo } from "./header.ts";
export * from "./safetensors_error.ts";
export {
  openSafetensors,
  type ReadError,
  type SafetensorsFile,
  type StoredTensor,
  type TensorReader,
} from "./safetensors_file.ts";
export * from "./write_safetensors.ts";
