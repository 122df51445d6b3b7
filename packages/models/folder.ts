/** Model folders in Hugging Face's layout: config.json, model.safetensors, and the tokenizer's files beside them. */
import { openCheckpoint, type ReadError } from "@resd/safetensors";
import { Effect, FileSystem, type PlatformError, Schema, type Scope } from "effect";
import { type DecoderConfig, endTokenIds, ModelConfigError } from "./config.ts";
import { findNotFinite } from "./finite.ts";
import { parameterSpecs } from "./parameters.ts";
import { parseConfig } from "./parse_config.ts";

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
    /** Reads one parameter, widened to f32; all its elements are finite. Only while the scope that loaded the folder is open. */
    readonly read: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, ModelLoadError>;
    /** Reads all. */
    readonly readAll: Effect.Effect<Map<string, Float32Array<ArrayBuffer>>, ModelLoadError>;
  };
}

/** Files that belong to a model besides config and weights. */
const COMPANIONS = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "chat_template.jinja",
  "generation_config.json",
];

/** Tensors that checkpoints carry although nothing is computed from them. */
const isIdle = (name: string, config: DecoderConfig): boolean =>
  name.endsWith(".rotary_emb.inv_freq") ||
  (name === "lm_head.weight" && config.tie_word_embeddings);

/** The JSON of a file of the folder; anything but a file with JSON in it is an error that names the file. */
const readJson = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<
  unknown,
  ModelConfigError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const key = path.slice(path.lastIndexOf("/") + 1);
  const { type } = yield* fs.stat(path);
  if (type !== "File") {
    return yield* new ModelConfigError({
      key,
      message: `Expected a file, got a ${type}, at ${path}; put the file there, or fetch the model again`,
    });
  }
  const text = yield* fs.readFileString(path);
  return yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))(text).pipe(
    Effect.mapError(
      (error) =>
        new ModelConfigError({
          key,
          message: `Expected JSON, got what does not parse: ${error.message}, at ${path}; correct it, or fetch the model again`,
        }),
    ),
  );
});

const TokenIds = Schema.NullOr(Schema.Union([Schema.Int, Schema.Array(Schema.Int)]));
const GenerationConfig = Schema.Struct({ eos_token_id: Schema.optionalKey(TokenIds) });

/** Ids that end a sequence, of config.json and of generation_config.json: chat models name the end of a turn in the latter only. */
const withAllEnds = Effect.fnUntraced(function* (config: DecoderConfig, folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const path = `${folder}/generation_config.json`;
  if (!(yield* fs.exists(path))) return config;
  const refuse = (message: string) =>
    new ModelConfigError({
      key: "generation_config.json",
      message: `${message}, at ${path}; correct it`,
    });
  const { eos_token_id: more = null } = yield* Schema.decodeUnknownEffect(GenerationConfig)(
    yield* readJson(path),
  ).pipe(Effect.mapError(({ message }) => refuse(`Expected token ids, got: ${message}`)));
  const known = endTokenIds(config);
  const ids = typeof more === "number" ? [more] : (more ?? []);
  const outside = ids.find((id) => id < 0 || id >= config.vocab_size);
  if (outside !== undefined) {
    return yield* refuse(
      `Expected eos_token_id from 0 to ${config.vocab_size - 1}, got ${outside}`,
    );
  }
  const added = ids.filter((id) => !known.includes(id));
  return added.length === 0 ? config : { ...config, eos_token_id: [...known, ...added] };
});

const readConfig = Effect.fnUntraced(function* (folder: string) {
  const json = yield* readJson(`${folder}/config.json`);
  const config = yield* parseConfig(json).pipe(
    Effect.mapError(
      ({ key, message }) => new ModelConfigError({ key, message: `${message}, in ${folder}` }),
    ),
  );
  return yield* withAllEnds(config, folder);
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
        `Expected tensor ${name} [${shape.join(", ")}], got none, at ${checkpoint.files.join(" and ")}; config.json and weights do not belong together`,
      );
    }
    if (!["F32", "F16", "BF16"].includes(stored.dtype)) {
      return yield* refuse(
        `Expected ${name} in F32, F16 or BF16, got ${stored.dtype}, at ${checkpoint.fileOf(name)}; convert the checkpoint`,
      );
    }
    if (stored.shape.join() !== shape.join()) {
      return yield* refuse(
        `Expected ${name} to be [${shape.join(", ")}], got [${stored.shape.join(", ")}], at ${checkpoint.fileOf(name)}; config.json and weights do not belong together`,
      );
    }
  }
  const wanted = new Set(specs.map(({ name }) => name));
  const extra = checkpoint.names.find((name) => !wanted.has(name) && !isIdle(name, config));
  if (extra !== undefined) {
    return yield* refuse(
      `Expected only tensors that ${config.model_type} computes with, got ${extra}, at ${checkpoint.fileOf(extra)}; this architecture is not supported`,
    );
  }
  const names = specs.map(({ name }) => name);
  const read = Effect.fnUntraced(function* (name: string) {
    const data = yield* checkpoint.readFloats(name);
    const at = findNotFinite(data);
    if (at < 0) return data;
    return yield* refuse(
      `Expected finite weights, got ${data[at]} at element ${at} of ${name}, at ${checkpoint.fileOf(name)}; fetch or train the model again`,
    );
  });
  return {
    config,
    parameters: {
      names,
      read,
      readAll: Effect.map(
        Effect.forEach(names, (name) => Effect.map(read(name), (data) => [name, data] as const)),
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
