/** Where the weights of a policy come from: a model folder, and an adapter on it that is new or lies in a folder of its own. */
import { type LoraSettings, PolicyError } from "@resd/core";
import {
  adapterSpecs,
  type DecoderConfig,
  findDisagreement,
  initialize,
  isAdapterFolder,
  loadAdapter,
  readAdapterBase,
  resolveLora,
} from "@resd/models";
import { Effect, type FileSystem, type Path, type Scope } from "effect";
import { fileErrors, loadWeights, type TensorSource } from "./checkpoint.ts";

/** What a policy is asked to be made of. */
export interface ModelAsked {
  readonly folder: string;
  /** Folder of an adapter in PEFT's layout. */
  readonly adapter?: string | undefined;
  /** A new adapter, or what the one in `adapter` has to be. Without either all parameters are trained. */
  readonly lora?: LoraSettings | undefined;
  /** Draws the matrices of a new adapter. */
  readonly seed: number;
}

/** A model that is open; tensors are read while the scope is. */
export interface ModelSource {
  readonly config: DecoderConfig;
  /** Without the adapter. */
  readonly base: DecoderConfig;
  /** What training leaves as it is. */
  readonly frozen: TensorSource;
  /** What is trained. */
  readonly trained: TensorSource;
  /** Digest of the frozen weights that the adapter was trained on, if it says so. */
  readonly baseDigest?: string;
}

/** The matrices of an adapter on disk, checked against the model that they are for. */
export const openAdapter = Effect.fnUntraced(function* (folder: string, base: DecoderConfig) {
  const named = fileErrors(`Loading the adapter ${folder}`, "model-files");
  const { config, read, baseDigest } = yield* named(loadAdapter(folder, base));
  const trained: TensorSource = (name) => named(read(name));
  return { config, trained, ...(baseDigest === undefined ? {} : { baseDigest }) };
});

/**
 * Refuses an adapter that was trained on other weights than those of its model.
 *
 * @param found digest of the weights that it was trained on, where it says so
 * @param base digest of the weights of the model in `folder`
 */
export const demandBase = (
  found: string | undefined,
  base: string | undefined,
  folder: string,
  from: string,
): Effect.Effect<void, PolicyError> =>
  found === undefined || found === base
    ? Effect.void
    : Effect.fail(
        new PolicyError({
          reason: "model-files",
          message: `Expected an adapter for the weights ${base} of ${folder}, got one for ${found}, at ${from}; give the model that it was trained on`,
        }),
      );

/** Opens what a policy is asked to be made of. */
export const openModel = Effect.fnUntraced(function* ({
  folder,
  adapter,
  lora,
  seed,
}: ModelAsked): Effect.fn.Return<ModelSource, PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const { config: base, student: frozen } = yield* loadWeights(folder);
  const refuse = (message: string) => new PolicyError({ reason: "bad-request", message });
  const asked =
    lora === undefined
      ? undefined
      : yield* Effect.mapError(Effect.fromResult(resolveLora(base, lora)), ({ message }) =>
          refuse(message),
        );
  if (adapter !== undefined) {
    const found = yield* openAdapter(adapter, base);
    const problem =
      asked === undefined || found.config.lora === undefined
        ? undefined
        : findDisagreement(asked, found.config.lora);
    if (problem !== undefined) return yield* refuse(`${problem.message}, ${adapter}`);
    return { base, frozen, ...found };
  }
  if (asked === undefined) return { config: base, base, frozen, trained: frozen };
  const config = { ...base, lora: asked };
  const matrices = initialize(config, seed, adapterSpecs(config));
  return {
    config,
    base,
    frozen,
    trained: (name) => Effect.succeed(matrices.get(name) as Float32Array),
  };
});

/**
 * The model that an adapter's folder names, as `org/model@revision` where it says so; undefined for any other folder.
 */
export const modelOfAdapter = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<string | undefined, PolicyError, FileSystem.FileSystem> {
  const named = fileErrors(`Loading the adapter ${folder}`, "model-files");
  if (!(yield* named(isAdapterFolder(folder)))) return undefined;
  const { base, revision } = yield* named(readAdapterBase(folder));
  if (base !== undefined) return revision === undefined ? base : `${base}@${revision}`;
  return yield* new PolicyError({
    reason: "model-files",
    message: `Expected base_model_name_or_path, got none, in adapter_config.json of ${folder}; name the model yourself: --model <folder> --lora-adapter ${folder}`,
  });
});

/** What a model is called, here and by others. */
export interface ModelOrigin {
  /** For people: the name of its folder, or that of its repository where the folder is a snapshot of the hub's cache. */
  readonly name: string;
  /** What PEFT loads it by: its path, or its repository and commit. */
  readonly base: string;
  readonly revision?: string;
}

/** The names of the model in a folder. */
export const modelOrigin = (folder: string, path: Path.Path): ModelOrigin => {
  const whole = path.resolve(folder);
  const cached = /[/\\]models--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})$/u.exec(whole);
  if (cached === null) return { name: path.basename(whole), base: whole };
  const [repository, revision] = [cached[1]!.replace("--", "/"), cached[2]!];
  return { name: `${repository}@${revision.slice(0, 7)}`, base: repository, revision };
};
