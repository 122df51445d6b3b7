/** What a policy keeps on disk: a model folder others load and, for resuming, the state of its training beside it. */
import { PolicyError, TeacherRule, fileFailureText } from "@resd/core";
import {
  type AdapterOrigin,
  companionFiles,
  type DecoderConfig,
  loadFolder,
  saveAdapter,
  saveFolder,
} from "@resd/models";
import { openSafetensors, writeSafetensors } from "@resd/safetensors";
import { Effect, FileSystem, PlatformError, Schema, type Scope } from "effect";
import { type ArraySpec, unshared } from "./arrays.ts";
import type { OptimizerOptions, OptimizerState } from "./optim/optimizer.ts";
import type { TeacherState } from "./teacher.ts";

/** Tensors by name, read from the backend or from disk when their turn comes. */
export type TensorSource = (name: string) => Effect.Effect<Float32Array, PolicyError>;

/** The state of training. Written last, under its name only when complete: without it there is no checkpoint. */
const Manifest = Schema.Struct({
  format: Schema.Literals(["resd-training-state/1"]),
  /** Digests of the weights, compared when they are loaded. */
  student: Schema.String,
  teacher: Schema.optionalKey(Schema.String),
  updates: Schema.Int,
  optimizer: Schema.Struct({ options: Schema.String, steps: Schema.Int }),
  teacherState: Schema.Struct({
    rule: Schema.optionalKey(TeacherRule),
    updatesSinceSync: Schema.Int,
    own: Schema.Boolean,
  }),
});
type Manifest = typeof Manifest.Type;

export interface TrainingState {
  readonly updates: number;
  readonly optimizer: OptimizerState;
  readonly teacher: TeacherState;
  readonly versions: { readonly student: string; readonly teacher?: string };
}

const STATE = "training_state";

const fail = (reason: PolicyError["reason"], message: string): PolicyError =>
  new PolicyError({ reason, message });

/** Any file error as a PolicyError that says what was being done. */
export const fileErrors =
  (doing: string, reason: PolicyError["reason"] = "io") =>
  <A, E extends { readonly message: string }, R>(
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, PolicyError, R> =>
    Effect.mapError(effect, (error) =>
      error instanceof PolicyError
        ? error
        : fail(
            reason,
            `${doing}: ${error instanceof PlatformError.PlatformError ? fileFailureText(error) : error.message}`,
          ),
    );

const write = (
  path: string,
  specs: ReadonlyArray<ArraySpec>,
  source: (name: string) => Effect.Effect<Float32Array, PolicyError>,
) =>
  writeSafetensors(
    path,
    specs.map(({ name, shape }) => ({
      name,
      shape,
      dtype: "F32" as const,
      data: Effect.map(source(name), unshared),
    })),
  );

/**
 * Writes a model folder, with weights as its config stores them, or the folder of an adapter, with what it is for; and the
 * tokenizer's files from `source`, the folder of the model.
 */
export const saveWeights = Effect.fnUntraced(function* (
  folder: string,
  source: string,
  config: DecoderConfig,
  student: TensorSource,
  origin: AdapterOrigin,
): Effect.fn.Return<void, PolicyError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const read = (name: string) => Effect.map(student(name), unshared);
  yield* Effect.gen(function* () {
    const files = yield* companionFiles(source);
    // A state that belongs to other weights must not survive beside these.
    yield* fs.remove(`${folder}/${STATE}`, { recursive: true, force: true });
    yield* config.lora === undefined
      ? saveFolder(folder, config, read, files)
      : saveAdapter(folder, config, read, origin, files);
  }).pipe(fileErrors(`Saving the model to ${folder}`));
});

/** Whether a folder of weights has fewer bits than training has. Adapters are stored in f32. */
export const storesLess = ({ lora, torch_dtype }: DecoderConfig): boolean =>
  lora === undefined && torch_dtype !== "float32";

/**
 * Writes `training_state/` beside saved weights: optimizer, teacher, counters, and the student in f32 where the model
 * folder stores fewer bits. The manifest comes last.
 */
export const saveState = Effect.fnUntraced(function* (
  folder: string,
  config: DecoderConfig,
  specs: ReadonlyArray<ArraySpec>,
  options: OptimizerOptions,
  state: TrainingState,
  student: TensorSource,
  teacher: TensorSource | undefined,
): Effect.fn.Return<void, PolicyError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const path = `${folder}/${STATE}`;
  yield* Effect.gen(function* () {
    yield* fs.makeDirectory(path, { recursive: true });
    if (storesLess(config)) yield* write(`${path}/student.safetensors`, specs, student);
    if (teacher !== undefined) yield* write(`${path}/teacher.safetensors`, specs, teacher);
    const { steps, tensors } = state.optimizer;
    const slots = [...tensors].map(([name, data]) => ({ name, shape: [data.length] }));
    yield* write(`${path}/optimizer.safetensors`, slots, (name) =>
      Effect.succeed(tensors.get(name) as Float32Array),
    );
    const manifest: Manifest = {
      format: "resd-training-state/1",
      student: state.versions.student,
      ...(state.versions.teacher === undefined ? {} : { teacher: state.versions.teacher }),
      updates: state.updates,
      optimizer: { options: JSON.stringify(options), steps },
      teacherState: state.teacher,
    };
    yield* fs.writeFileString(
      `${path}/manifest.json.partial`,
      `${JSON.stringify(manifest, null, 2)}\n`,
    );
    yield* fs.rename(`${path}/manifest.json.partial`, `${path}/manifest.json`);
  }).pipe(fileErrors(`Saving the training state to ${path}`));
});

/** Weights and, where there is one, the training state of a folder; tensors are read while the scope is open. */
export interface Loaded {
  readonly config: DecoderConfig;
  readonly student: TensorSource;
  readonly state: (TrainingState & { readonly teacherWeights?: TensorSource }) | undefined;
}

/** The tensors of a file of training state. */
const openState = Effect.fnUntraced(function* (path: string) {
  const file = yield* openSafetensors(path);
  const read: TensorSource = (name) =>
    fileErrors(`Loading ${path}`, "model-files")(file.readFloats(name));
  return { names: file.names, read };
});

const readManifest = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(`${path}/manifest.json`))) {
    return yield* fail(
      "model-files",
      `Expected ${path}/manifest.json, got none: saving was cut off; load an earlier checkpoint`,
    );
  }
  const text = yield* fs.readFileString(`${path}/manifest.json`);
  return yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest))(text);
});

/** The weights of any model folder, without the training state that may lie beside them. */
export const loadWeights = (
  folder: string,
): Effect.Effect<Loaded, PolicyError, FileSystem.FileSystem | Scope.Scope> => {
  const named = fileErrors(`Loading the model ${folder}`, "model-files");
  return named(
    Effect.map(loadFolder(folder), ({ config, parameters }) => ({
      config,
      student: (name) => named(parameters.read(name)),
      state: undefined,
    })),
  );
};

/**
 * Weights and training state that `saveWeights` and `saveState` wrote; of a plain model folder, the weights.
 *
 * @param load how the weights of the folder are opened
 */
export const loadCheckpoint = Effect.fnUntraced(function* (
  folder: string,
  options: OptimizerOptions,
  load: typeof loadWeights = loadWeights,
): Effect.fn.Return<Loaded, PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  const path = `${folder}/${STATE}`;
  return yield* Effect.gen(function* () {
    const weights = yield* load(folder);
    if (!(yield* fs.exists(path))) return weights;
    const { config } = weights;
    const manifest = yield* readManifest(path);
    if (manifest.optimizer.options !== JSON.stringify(options)) {
      return yield* fail(
        "bad-request",
        `Expected the optimizer of the checkpoint, ${manifest.optimizer.options}, got ${JSON.stringify(options)}, at ${path}; resume with the settings it was made with`,
      );
    }
    const student = storesLess(config)
      ? (yield* openState(`${path}/student.safetensors`)).read
      : weights.student;
    const slots = yield* openState(`${path}/optimizer.safetensors`);
    const tensors = new Map<string, Float32Array>();
    for (const name of slots.names) tensors.set(name, yield* slots.read(name));
    const state = {
      updates: manifest.updates,
      optimizer: { steps: manifest.optimizer.steps, tensors },
      teacher: manifest.teacherState,
      versions: {
        student: manifest.student,
        ...(manifest.teacher === undefined ? {} : { teacher: manifest.teacher }),
      },
    };
    if (!manifest.teacherState.own) return { config, student, state };
    const { read: teacherWeights } = yield* openState(`${path}/teacher.safetensors`);
    return { config, student, state: { ...state, teacherWeights } };
  }).pipe(fileErrors(`Loading ${folder}`, "model-files"));
});
