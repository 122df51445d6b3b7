/** Model folders in Hugging Face's layout: config.json, model.safetensors, and the tokenizer's files beside them. */
import {
  openCheckpoint,
  type ReadError,
  type SafetensorsError,
  writeSafetensors,
} from "@resd/safetensors";
import { Effect, FileSystem, type PlatformError, Schema, type Scope } from "effect";
import { type DecoderConfig, ModelConfigError } from "./config.ts";
import { parameterSpecs } from "./parameters.ts";
import { configJson, parseConfig } from "./parse_config.ts";

/** A folder whose weights are not those of its config. */
export class ModelFolderError extends Schema.TaggedError<ModelFolderError>()("ModelFolderError", {
  message: Schema.String,
  folder: Schema.String,
}) {}

/** Why a model folder cannot be loaded. */
export type ModelLoadError = ModelConfigError | ModelFolderError | ReadError;

/** A model folder that is open: its configuration, and parameters read one by one. */
export interface ModelFolder {
  readonly config: DecoderConfig;
  readonly parameters: {
    readonly names: ReadonlyArray<string>;
    /** Reads one parameter, widened to f32. Only while the scope that loaded the folder is open. */
    readonly read: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, ReadError>;
    /** Reads all. */
    readonly readAll: Effect.Effect<Map<string, Float32Array<ArrayBuffer>>, ReadError>;
  };
}

/** Files that belong to a model besides config and weights. */
const COMPANIONS = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "generation_config.json",
];

/** Tensors that checkpoints carry although nothing is computed from them. */
const isIdle = (name: string, config: DecoderConfig): boolean =>
  name.endsWith(".rotary_emb.inv_freq") ||
  (name === "lm_head.weight" && config.tie_word_embeddings);

const readConfig = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<
  DecoderConfig,
  ModelConfigError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(`${folder}/config.json`);
  const json = yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))(text).pipe(
    Effect.mapError(
      (error) =>
        new ModelConfigError({
          key: "config.json",
          message: `Expected JSON, got what does not parse: ${error.message}, at ${folder}/config.json`,
        }),
    ),
  );
  return yield* parseConfig(json);
});

/**
 * Opens a model folder: config checked, all tensors present with the shapes that the config implies, none left over.
 * Weights are read when asked for, one at a time.
 */
export const loadFolder = Effect.fn("loadFolder")(function* (
  folder: string,
): Effect.fn.Return<ModelFolder, ModelLoadError, FileSystem.FileSystem | Scope.Scope> {
  const refuse = (message: string) => new ModelFolderError({ folder, message });
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(`${folder}/config.json`))) {
    return yield* refuse(
      `Expected config.json, got no such file, at ${folder}; give the folder of a Hugging Face model`,
    );
  }
  const config = yield* readConfig(folder);
  const checkpoint = yield* openCheckpoint(folder);
  const specs = parameterSpecs(config);
  for (const { name, shape } of specs) {
    const stored = checkpoint.infos.get(name);
    if (stored === undefined) {
      return yield* refuse(
        `Expected tensor ${name} [${shape.join(", ")}], got none, at ${folder}; config.json and weights do not belong together`,
      );
    }
    if (stored.shape.join() !== shape.join()) {
      return yield* refuse(
        `Expected ${name} to be [${shape.join(", ")}], got [${stored.shape.join(", ")}], at ${folder}; config.json and weights do not belong together`,
      );
    }
  }
  const wanted = new Set(specs.map(({ name }) => name));
  const extra = checkpoint.names.find((name) => !wanted.has(name) && !isIdle(name, config));
  if (extra !== undefined) {
    return yield* refuse(
      `Expected only tensors that ${config.model_type} computes with, got ${extra}, at ${folder}; this architecture is not supported`,
    );
  }
  const names = specs.map(({ name }) => name);
  return {
    config,
    parameters: {
      names,
      read: checkpoint.readFloats,
      readAll: Effect.map(
        Effect.forEach(names, (name) =>
          Effect.map(checkpoint.readFloats(name), (data) => [name, data] as const),
        ),
        (entries) => new Map(entries),
      ),
    },
  };
});

/** The tokenizer's and other companion files of a folder, to be saved beside a trained copy of its model. */
export const companionFiles = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<
  Record<string, Uint8Array>,
  PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const files: Record<string, Uint8Array> = {};
  for (const name of COMPANIONS) {
    if (yield* fs.exists(`${folder}/${name}`))
      files[name] = yield* fs.readFile(`${folder}/${name}`);
  }
  return files;
});

const STORED = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const;

/**
 * Writes a model folder that `loadFolder`, and for llama also transformers and vLLM, read. Weights are stored as
 * `config.torch_dtype`; each file appears under its name only when it is complete.
 *
 * @param parameterOf the values of a parameter; asked for one at a time
 * @param files contents of further files by name, such as the tokenizer's
 */
export const saveFolder = Effect.fn("saveFolder")(function* <E = never, R = never>(
  folder: string,
  config: DecoderConfig,
  parameterOf: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, E, R>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Effect.fn.Return<
  void,
  E | SafetensorsError | PlatformError.PlatformError,
  R | FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(folder, { recursive: true });
  const tensors = parameterSpecs(config).map(({ name, shape }) => ({
    name,
    shape,
    dtype: STORED[config.torch_dtype],
    data: parameterOf(name),
  }));
  yield* writeSafetensors(`${folder}/model.safetensors`, tensors, { metadata: { format: "pt" } });
  const text = `${JSON.stringify(configJson(config), null, 2)}\n`;
  for (const [name, content] of Object.entries({ ...files, "config.json": text })) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    yield* fs.writeFile(`${folder}/${name}.partial`, bytes);
    yield* fs.rename(`${folder}/${name}.partial`, `${folder}/${name}`);
  }
});
