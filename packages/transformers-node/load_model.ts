/** Loading a model of transformers.js as a scoped effect. */
import { Effect, Schema, type Scope } from "effect";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Which model, and how it is run. */
export const ModelOptions = Schema.Struct({
  /** A folder with config.json, tokenizer.json and onnx/; with `download` also the name of a model of the hub. */
  model: Schema.NonEmptyString,
  /** Whether a name of the hub may be downloaded into the cache of transformers.js. Folders never need it. */
  download: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  /** Which of the model's weights: onnx/model.onnx is fp32, onnx/model_quantized.onnx q8, and so on. */
  dtype: Schema.Literals(["fp32", "fp16", "q8", "int8", "uint8", "q4", "q4f16", "bnb4"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("fp32" as const)),
  ),
  /** Threads of ONNX Runtime; its own choice if absent. */
  threads: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
});
export type ModelOptions = typeof ModelOptions.Type;

/** A model that is not there, or that transformers.js cannot run. */
export class LoadModelError extends Schema.TaggedError<LoadModelError>()("LoadModelError", {
  message: Schema.String,
}) {}

/** What `from_pretrained` is given. */
export interface Pretrained {
  readonly dtype: ModelOptions["dtype"];
  readonly device: "cpu";
  readonly local_files_only: boolean;
  readonly session_options: Readonly<Record<string, number>>;
}

type Transformers = typeof import("@xenova/transformers");

const FILES = ["config.json", "tokenizer.json", "onnx"] as const;

const missing = (folder: string): ReadonlyArray<string> =>
  FILES.filter((name) => !existsSync(join(folder, name)));

/**
 * Loads a model and disposes of it when the scope closes. The library is imported when it is first needed.
 *
 * @param load calls `from_pretrained` or `pipeline` with what it is given.
 * @param dispose what is called at the end.
 */
export const loadModel = Effect.fn("loadModel")(function* <A>(
  options: ModelOptions,
  load: (transformers: Transformers, name: string, pretrained: Pretrained) => Promise<A>,
  dispose: (loaded: A) => Promise<unknown>,
): Effect.fn.Return<A, LoadModelError, Scope.Scope> {
  const { model, download, dtype, threads } = options;
  const folder = resolve(model);
  const isFolder = existsSync(folder);
  const lacks = isFolder ? missing(folder) : [];
  if (!isFolder && !download) {
    return yield* new LoadModelError({
      message: `Expected a folder with an ONNX model, got no such folder, at ${folder}; give one with ${FILES.join(", ")}/, or set download to true for a model of the hub`,
    });
  }
  if (lacks.length > 0) {
    return yield* new LoadModelError({
      message: `Expected a folder with an ONNX model, got one without ${lacks.join(", ")}, at ${folder}; export the model to ONNX for transformers.js`,
    });
  }
  const failed = (cause: unknown) =>
    new LoadModelError({
      message: `Expected a model that transformers.js can run, got: ${cause instanceof Error ? cause.message : String(cause)}, at ${isFolder ? folder : model} (dtype ${dtype}); give a model with ONNX files of this dtype`,
    });
  return yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const transformers = await import("@xenova/transformers");
        // Loading without the network has to mean it, whatever was allowed to others.
        transformers.env.allowLocalModels = true;
        if (download) transformers.env.allowRemoteModels = true;
        return load(transformers, isFolder ? folder : model, {
          dtype,
          device: "cpu",
          local_files_only: !download || isFolder,
          session_options:
            threads === undefined ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 },
        });
      },
      catch: failed,
    }),
    (loaded) => Effect.promise(() => dispose(loaded)),
  );
});
