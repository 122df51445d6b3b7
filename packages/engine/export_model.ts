/** A trained model as a folder for others: complete under its name, or not there. */
import { PolicyError } from "@resd/core";
import {
  companionFiles,
  type DecoderConfig,
  endTokenIds,
  loadFolder,
  type ModelFolder,
  mergedParameters,
  parameterCount,
  saveAdapter,
  saveFolder,
  type StoredFloat,
} from "@resd/models";
import { Effect, FileSystem, Path } from "effect";
import { unshared } from "./arrays.ts";
import { fileErrors, type TensorSource } from "./checkpoint.ts";
import { type ModelOrigin, modelOrigin, openAdapter } from "./model_source.ts";
import { weightsHash } from "./version.ts";

/** What was written. */
export interface ExportedModel {
  readonly as: "model" | "adapter";
  /** Of what was written: with the adapter where that was written, without it where it was merged. */
  readonly config: DecoderConfig;
  readonly parameters: number;
  /** The model that was read, below an adapter if there is one. */
  readonly base: ModelOrigin;
  readonly merged: boolean;
}

/** What to write, and where. */
export interface ExportOptions {
  /** Folder of the model; of the one below the adapter, if there is one. */
  readonly model: string;
  readonly adapter?: string;
  /** A whole model, with the adapter merged into it; or the adapter alone, in PEFT's layout. */
  readonly as: "model" | "adapter";
  /** As the model stores its weights, when absent. */
  readonly dtype?: StoredFloat;
  readonly shardBytes?: number;
  readonly to: string;
  /** Replaces an earlier export. */
  readonly force: boolean;
  /** The text of README.md. */
  readonly card: (exported: ExportedModel) => string;
}

const refuse = (reason: PolicyError["reason"], message: string): PolicyError =>
  new PolicyError({ reason, message });

/** The largest finite number in 16 bits, with what is rounded to it. */
const F16_LIMIT = 65_520;

/** Refuses weights that would become infinite in 16 bits. */
const fitting = (source: TensorSource, { torch_dtype }: DecoderConfig): TensorSource =>
  torch_dtype !== "float16"
    ? source
    : Effect.fnUntraced(function* (name) {
        const data = yield* source(name);
        const at = data.findIndex((x) => Math.abs(x) >= F16_LIMIT);
        if (at < 0) return data;
        return yield* refuse(
          "bad-request",
          `Expected weights below ${F16_LIMIT} for f16, got ${data[at]} at element ${at} of ${name}; export in bf16 or f32`,
        );
      });

/** Digest of a model's weights, as training names them. */
const digestOf = Effect.fnUntraced(function* ({ parameters }: ModelFolder) {
  const hash = weightsHash();
  for (const name of parameters.names.toSorted()) hash.add(name, yield* parameters.read(name));
  return hash.digest();
});

/** A generation_config.json for a model that has none. */
const generationConfig = (config: DecoderConfig): string => {
  const ends = endTokenIds(config);
  const json = {
    _from_model_config: true,
    ...(config.bos_token_id === null ? {} : { bos_token_id: config.bos_token_id }),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...(config.pad_token_id === null ? {} : { pad_token_id: config.pad_token_id }),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
};

/** Writes everything into `folder`, what makes it a model folder last. */
const write = Effect.fnUntraced(function* (options: ExportOptions, folder: string) {
  const { model, adapter, as, dtype, shardBytes, card } = options;
  const path = yield* Path.Path;
  const origin = modelOrigin(model, path);
  const opened = yield* loadFolder(model);
  const { config: base, parameters } = opened;
  const files: Record<string, string | Uint8Array> = { ...(yield* companionFiles(model)) };
  const found = adapter === undefined ? undefined : yield* openAdapter(adapter, base);
  if (adapter !== undefined && found?.baseDigest !== undefined) {
    const digest = yield* digestOf(opened);
    if (digest !== found.baseDigest) {
      return yield* refuse(
        "model-files",
        `Expected the weights ${found.baseDigest} below the adapter ${adapter}, got ${digest}, at ${model}; give the model that it was trained on`,
      );
    }
  }
  const exported = (config: DecoderConfig): ExportedModel => ({
    as,
    config,
    parameters: parameterCount(config),
    base: origin,
    merged: as === "model" && found !== undefined,
  });
  if (as === "adapter") {
    if (found === undefined) {
      return yield* refuse(
        "bad-request",
        `Expected an adapter to export, got a model whose parameters were all trained, at ${model}; leave --adapter out`,
      );
    }
    const told = exported(found.config);
    const { base: name, revision } = origin;
    const digest = found.baseDigest;
    yield* saveAdapter(
      folder,
      found.config,
      (matrix) => Effect.map(found.trained(matrix), unshared),
      { base: name, ...(revision && { revision }), ...(digest && { baseDigest: digest }) },
      { ...files, "README.md": card(told) },
    );
    return told;
  }
  const config = { ...base, ...(dtype === undefined ? {} : { torch_dtype: dtype }) };
  const named = fileErrors(`Reading the model ${model}`, "model-files");
  const frozen = (name: string) => named(parameters.read(name));
  const isFrozen = new Set(parameters.names);
  const read =
    found === undefined
      ? frozen
      : mergedParameters(found.config, (name) =>
          isFrozen.has(name) ? frozen(name) : Effect.map(found.trained(name), unshared),
        );
  const source = fitting(read, config);
  const told = exported(config);
  yield* saveFolder(
    folder,
    config,
    (name) => Effect.map(source(name), unshared),
    {
      "generation_config.json": generationConfig(config),
      ...files,
      "README.md": card(told),
    },
    shardBytes === undefined ? {} : { shardBytes },
  );
  return told;
}, Effect.scoped);

/** Refuses a place where something lies that is not to be replaced. */
const demandPlace = Effect.fnUntraced(function* ({ to, force }: ExportOptions) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(to))) return;
  const { type } = yield* fs.stat(to);
  const found = type === "Directory" ? yield* fs.readDirectory(to) : undefined;
  if (found?.length === 0) return;
  if (!force) {
    return yield* refuse(
      "bad-request",
      `Expected a new or empty folder, got one that exists, at ${to}; choose another --out, or replace it with --force`,
    );
  }
  if (found?.some((name) => /^(adapter_)?config\.json$/u.test(name)) === true) return;
  return yield* refuse(
    "bad-request",
    `Expected an earlier export to replace, got ${found === undefined ? "no folder" : "a folder without config.json or adapter_config.json"}, at ${to}; choose another --out`,
  );
});

/**
 * Writes a model folder that transformers, vLLM and converters read, or an adapter that PEFT reads, with a card. Everything
 * is written to a folder beside `to`, which gets that name when it is whole; whatever ends the program before leaves
 * no folder of that name, or the one that was there. Inside, config.json comes last, so that the unfinished folder is
 * nothing that anybody would load.
 */
export const exportModel = Effect.fn("exportModel")(function* (
  options: ExportOptions,
): Effect.fn.Return<ExportedModel, PolicyError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const to = path.resolve(options.to);
  const [partial, replaced] = [`${to}.partial`, `${to}.replaced`];
  const run = Effect.gen(function* () {
    yield* demandPlace({ ...options, to });
    yield* fs.makeDirectory(path.dirname(to), { recursive: true });
    yield* fs.remove(partial, { recursive: true, force: true });
    const exported = yield* write(options, partial).pipe(
      Effect.onError(() => Effect.ignore(fs.remove(partial, { recursive: true, force: true }))),
    );
    yield* fs.remove(replaced, { recursive: true, force: true });
    const place = Effect.gen(function* () {
      const old = yield* fs.exists(to);
      if (old) yield* fs.rename(to, replaced);
      yield* fs
        .rename(partial, to)
        .pipe(Effect.onError(() => (old ? Effect.ignore(fs.rename(replaced, to)) : Effect.void)));
      yield* fs.remove(replaced, { recursive: true, force: true });
    });
    yield* Effect.uninterruptible(place);
    return exported;
  });
  return yield* run.pipe(fileErrors(`Exporting to ${to}`));
});
