/** Adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors. */
import { openSafetensors, type SafetensorsError, writeSafetensors } from "@resd/safetensors";
import { Effect, FileSystem, type PlatformError, Schema, type Scope } from "effect";
import {
  type AdapterConfig,
  adapterBase,
  adapterConfigText,
  parseAdapterConfig,
} from "./adapter_config.ts";
import type { DecoderConfig } from "./config.ts";
import { findNotFinite } from "./finite.ts";
import type { ModelLoadError } from "./folder.ts";
import { AdapterError } from "./lora_targets.ts";
import { adapterSpecs } from "./parameters.ts";
import { writeFiles } from "./save_folder.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** What PEFT puts before the names of a causal language model's parameters. */
const PREFIX = "base_model.model.";

/** Where a file of an adapter says which weights it was trained on. */
const BASE_DIGEST = "resd.base";

/** Why an adapter cannot be loaded. */
export type AdapterLoadError = AdapterError | ModelLoadError;

/** An adapter that is open. */
export interface AdapterFolder extends AdapterConfig {
  /** The model's configuration with the adapter. */
  readonly config: DecoderConfig;
  /** Digest of the base weights that it was trained on, where the file has one. */
  readonly baseDigest?: string;
  /** Reads a matrix by the name of its spec, widened to f32; all its elements are finite. Only while the scope is open. */
  readonly read: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, AdapterLoadError>;
}

const refuse = (key: string, message: string): AdapterError => new AdapterError({ key, message });

const readConfig = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const path = `${folder}/${CONFIG}`;
  if (!(yield* fs.exists(path))) {
    return yield* refuse(
      CONFIG,
      `Expected ${CONFIG}, got no such file, at ${folder}; give the folder of an adapter as PEFT saves it`,
    );
  }
  const text = yield* fs.readFileString(path);
  return yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Unknown))(text).pipe(
    Effect.mapError(({ message }) =>
      refuse(
        CONFIG,
        `Expected JSON, got what does not parse: ${message}, at ${path}; correct it, or fetch the adapter again`,
      ),
    ),
  );
});

/** Errors with the folder that they are about. */
const within = (folder: string) =>
  Effect.mapError(({ key, message }: AdapterError) =>
    refuse(key, message.includes(folder) ? message : `${message}, in ${folder}`),
  );

/** Whether a folder holds an adapter and no model. */
export const isAdapterFolder = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<boolean, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  return (yield* fs.exists(`${folder}/${CONFIG}`)) && !(yield* fs.exists(`${folder}/config.json`));
});

/** The model that the adapter of a folder names as its base. */
export const readAdapterBase = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<
  Omit<AdapterConfig, "lora">,
  AdapterError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  return yield* Effect.flatMap(readConfig(folder), adapterBase).pipe(
    Effect.catchTag("AdapterError", (error) => within(folder)(Effect.fail(error))),
  );
});

/**
 * Opens an adapter for a model: every key of its configuration honoured or refused by name, all matrices present with the
 * shapes that follow from it, none left over.
 *
 * @param base configuration of the model, without an adapter
 */
export const loadAdapter = Effect.fn("loadAdapter")(function* (
  folder: string,
  base: DecoderConfig,
): Effect.fn.Return<AdapterFolder, AdapterLoadError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  const json = yield* readConfig(folder);
  const found = yield* within(folder)(parseAdapterConfig(json, base));
  const config = { ...base, lora: found.lora };
  const path = `${folder}/${WEIGHTS}`;
  if (!(yield* fs.exists(path))) {
    return yield* refuse(
      WEIGHTS,
      `Expected ${WEIGHTS}, got no such file, at ${folder}; save the adapter with safe_serialization=True`,
    );
  }
  const file = yield* openSafetensors(path);
  const stored = file.header.tensors;
  const specs = adapterSpecs(config);
  for (const { name, shape } of specs) {
    const info = stored.get(PREFIX + name);
    if (info === undefined || info.shape.join() !== shape.join()) {
      return yield* refuse(
        WEIGHTS,
        `Expected tensor ${PREFIX}${name} [${shape.join(", ")}], got ${info === undefined ? "none" : `[${info.shape.join(", ")}]`}, at ${path}; ${CONFIG}, weights and the ${base.model_type} model do not belong together`,
      );
    }
  }
  const wanted = new Set(specs.map(({ name }) => PREFIX + name));
  const extra = file.names.find((name) => !wanted.has(name));
  if (extra !== undefined) {
    return yield* refuse(
      WEIGHTS,
      `Expected only matrices of the maps that ${CONFIG} targets, got ${extra}, at ${path}; this adapter is not supported`,
    );
  }
  const baseDigest = file.header.metadata[BASE_DIGEST];
  return {
    ...found,
    config,
    ...(baseDigest === undefined ? {} : { baseDigest }),
    read: Effect.fnUntraced(function* (name) {
      const data = yield* file.readFloats(PREFIX + name);
      const at = findNotFinite(data);
      if (at < 0) return data;
      return yield* refuse(
        WEIGHTS,
        `Expected finite weights, got ${data[at]} at element ${at} of ${PREFIX}${name}, at ${path}; fetch or train the adapter again`,
      );
    }),
  };
});

/** What is said about an adapter beside its matrices. */
export interface AdapterOrigin extends Omit<AdapterConfig, "lora"> {
  /** Digest of the base weights. */
  readonly baseDigest?: string;
}

/**
 * Writes an adapter that `loadAdapter` and PEFT read, in f32; each file appears under its name only when it is complete.
 *
 * @param config with the adapter
 * @param matrixOf the values of a matrix by the name of its spec; asked for one at a time
 * @param files contents of further files by name, such as the tokenizer's
 */
export const saveAdapter = Effect.fn("saveAdapter")(function* <E = never, R = never>(
  folder: string,
  config: DecoderConfig,
  matrixOf: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, E, R>,
  { baseDigest, ...origin }: AdapterOrigin = {},
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Effect.fn.Return<
  void,
  E | AdapterError | SafetensorsError | PlatformError.PlatformError,
  R | FileSystem.FileSystem
> {
  const { lora } = config;
  if (lora === undefined) {
    return yield* refuse("lora", `Expected a model with an adapter, got one without, at ${folder}`);
  }
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(folder, { recursive: true });
  const tensors = adapterSpecs(config).map(({ name, shape }) => ({
    name: PREFIX + name,
    shape,
    dtype: "F32" as const,
    data: matrixOf(name),
  }));
  const metadata = {
    format: "pt",
    ...(baseDigest === undefined ? {} : { [BASE_DIGEST]: baseDigest }),
  };
  yield* writeSafetensors(`${folder}/${WEIGHTS}`, tensors, { metadata });
  yield* writeFiles(folder, {
    ...files,
    [CONFIG]: adapterConfigText(config, { lora, ...origin }),
  });
});
