/** Writing model folders in Hugging Face's layout, in one file of weights or in shards. */
import { type SafetensorsError, writeSafetensors } from "@resd/safetensors";
import { sizeOf } from "@resd/tensor";
import { Effect, FileSystem, type PlatformError } from "effect";
import type { DecoderConfig } from "./config.ts";
import { type ParameterSpec, parameterSpecs } from "./parameters.ts";
import { configText } from "./parse_config.ts";

/** Writes files by name, each under its name only when it is complete, in the order given. */
export const writeFiles = Effect.fnUntraced(function* (
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    yield* fs.writeFile(`${folder}/${name}.partial`, bytes);
    yield* fs.rename(`${folder}/${name}.partial`, `${folder}/${name}`);
  }
});

const STORED = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;
const BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const;

/** How weights are distributed over files. */
export interface SaveOptions {
  /** Bytes of tensors in one file, at most, unless a single tensor has more; one file for all when absent. */
  readonly shardBytes?: number;
}

/** Parameters by file, in the order of the forward pass. */
const shardsOf = (
  config: DecoderConfig,
  shardBytes: number,
): ReadonlyMap<string, ReadonlyArray<ParameterSpec>> => {
  const groups: Array<Array<ParameterSpec>> = [];
  let filled = 0;
  for (const spec of parameterSpecs(config)) {
    const bytes = sizeOf(spec.shape) * BYTES[config.torch_dtype];
    if (groups.length === 0 || filled + bytes > shardBytes) {
      groups.push([]);
      filled = 0;
    }
    groups.at(-1)!.push(spec);
    filled += bytes;
  }
  if (groups.length === 1) return new Map([["model.safetensors", groups[0]!]]);
  const number = (n: number) => String(n).padStart(5, "0");
  return new Map(
    groups.map((group, i) => [
      `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`,
      group,
    ]),
  );
};

/** The text of model.safetensors.index.json. */
const indexText = (
  config: DecoderConfig,
  shards: ReadonlyMap<string, ReadonlyArray<ParameterSpec>>,
): string => {
  const weight_map: Record<string, string> = {};
  let elements = 0;
  for (const [file, specs] of shards) {
    for (const { name, shape } of specs) {
      weight_map[name] = file;
      elements += sizeOf(shape);
    }
  }
  const total_size = elements * BYTES[config.torch_dtype];
  return `${JSON.stringify({ metadata: { total_size }, weight_map }, null, 2)}\n`;
};

/**
 * Writes a model folder that `loadFolder`, transformers and vLLM read (canon_llama: `loadFolder` alone). Weights are
 * stored as `config.torch_dtype`; each file appears under its name only when it is complete, and config.json comes last.
 *
 * @param parameterOf the values of a parameter; asked for one at a time
 * @param files contents of further files by name, such as the tokenizer's
 */
export const saveFolder = Effect.fn("saveFolder")(function* <E = never, R = never>(
  folder: string,
  config: DecoderConfig,
  parameterOf: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, E, R>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
  { shardBytes = Infinity }: SaveOptions = {},
): Effect.fn.Return<
  void,
  E | SafetensorsError | PlatformError.PlatformError,
  R | FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(folder, { recursive: true });
  const shards = shardsOf(config, shardBytes);
  for (const [file, specs] of shards) {
    const tensors = specs.map(({ name, shape }) => ({
      name,
      shape,
      dtype: STORED[config.torch_dtype],
      data: parameterOf(name),
    }));
    yield* writeSafetensors(`${folder}/${file}`, tensors, { metadata: { format: "pt" } });
  }
  yield* writeFiles(folder, {
    ...(shards.size > 1 ? { "model.safetensors.index.json": indexText(config, shards) } : {}),
    ...files,
    "config.json": configText(config),
  });
});
