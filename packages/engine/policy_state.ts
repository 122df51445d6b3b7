/** Everything of a local policy that training moves: made from a folder, saved to one, taken over from one. */
import { ComputeError, PolicyError, type Role } from "@resd/core";
import { type DecoderConfig, parameterSpecs } from "@resd/models";
import { Effect, type FileSystem } from "effect";
import { type Arrays, putArrays, releaseArrays } from "./arrays.ts";
import {
  type Loaded,
  loadCheckpoint,
  loadWeights,
  saveState,
  saveWeights,
  type TensorSource,
} from "./checkpoint.ts";
import { LOGITS_LIMIT } from "./language_rows.ts";
import { makeOptimizer, type OptimizerOptions } from "./optim/optimizer.ts";
import type { Programs } from "./programs.ts";
import { makeTeacher } from "./teacher.ts";
import type { Trainee } from "./update.ts";
import { weightsVersion } from "./version.ts";
import { makeWeightSets, type Weights } from "./weights.ts";

export interface PolicyStateOptions {
  readonly folder: string;
  readonly optimizer: OptimizerOptions;
  readonly microBatchTokens: number;
  readonly horizon: number | undefined;
}

export interface PolicyState {
  readonly trainee: Trainee;
  /** The weights that answer for a role. A trust-region teacher has none. */
  readonly weightsOf: (as: Role) => Effect.Effect<Weights, ComputeError | PolicyError>;
  readonly save: (
    folder: string,
    what: "weights" | "all",
  ) => Effect.Effect<void, ComputeError | PolicyError, FileSystem.FileSystem>;
  readonly load: (
    folder: string,
  ) => Effect.Effect<void, ComputeError | PolicyError, FileSystem.FileSystem>;
  readonly release: Effect.Effect<void, ComputeError>;
}

/** Fails with a PolicyError of reason `compute` instead of a ComputeError. */
export const fromCompute = <A, E, R>(
  effect: Effect.Effect<A, E | ComputeError, R>,
): Effect.Effect<A, Exclude<E, ComputeError> | PolicyError, R> =>
  Effect.mapError(effect, (error) =>
    error instanceof ComputeError
      ? new PolicyError({ reason: "compute", message: `${error.op}: ${error.message}` })
      : (error as Exclude<E, ComputeError>),
  );

const modelFiles = (message: string): PolicyError =>
  new PolicyError({ reason: "model-files", message });

/** Refuses weights whose digests are not those of the checkpoint's manifest. */
const checkVersions = ({ student, state }: Loaded, from: string): PolicyError | undefined => {
  for (const [who, weights, expected] of [
    ["student", student, state?.versions.student],
    ["teacher", state?.teacherWeights, state?.versions.teacher],
  ] as const) {
    if (weights === undefined || expected === undefined) continue;
    const version = weightsVersion(weights);
    if (version !== expected) {
      return modelFiles(
        `Expected ${who} weights ${expected}, got ${version}, at ${from}; files were changed after the checkpoint was saved`,
      );
    }
  }
  return undefined;
};

const sameModel = (a: DecoderConfig, b: DecoderConfig): boolean =>
  JSON.stringify(parameterSpecs(a)) === JSON.stringify(parameterSpecs(b));

/** A fresh state: the weights of the model at `options.folder`, which are also its teacher. */
export const makePolicyState = Effect.fnUntraced(function* (
  programs: Programs,
  options: PolicyStateOptions,
): Effect.fn.Return<PolicyState, ComputeError | PolicyError, FileSystem.FileSystem> {
  const { compute } = programs;
  const { folder, horizon } = options;
  const first = yield* loadWeights(folder);
  const { config } = first;
  const specs = parameterSpecs(config);
  const sets = makeWeightSets(programs, specs);
  const upload = (weights: ReadonlyMap<string, Float32Array>) =>
    putArrays(compute, specs, ({ name }) => weights.get(name) as Float32Array);

  const teacher = makeTeacher(programs, sets);
  const optimizer = yield* makeOptimizer(programs, specs, options.optimizer);
  const trainee: Trainee = {
    programs,
    config,
    specs,
    sets,
    optimizer,
    teacher,
    limits: {
      tokens: options.microBatchTokens,
      rows: Math.max(1, Math.floor(LOGITS_LIMIT / 2 / config.vocab_size)),
      ...(horizon === undefined ? {} : { horizon }),
    },
    student: {},
    updates: 0,
  };

  /** Everything is checked and uploaded before anything is replaced. */
  const adopt = Effect.fnUntraced(function* (loaded: Loaded, from: string) {
    const changed = checkVersions(loaded, from);
    if (changed !== undefined) return yield* changed;
    const { state } = loaded;
    const student = yield* upload(loaded.student);
    const taught =
      state?.teacherWeights === undefined ? undefined : yield* upload(state.teacherWeights);
    yield* releaseArrays(compute, trainee.student);
    trainee.student = student;
    trainee.updates = state?.updates ?? 0;
    yield* teacher.restore(state?.teacher ?? { updatesSinceSync: 0, own: false }, taught);
    yield* optimizer.restore(state?.optimizer ?? { steps: 0, tensors: new Map() });
  }, Effect.uninterruptible);
  yield* adopt(first, folder);

  const tensorsOf =
    (arrays: Arrays): TensorSource =>
    (name) =>
      fromCompute(compute.get(arrays[name] as Arrays[string])) as Effect.Effect<
        Float32Array,
        PolicyError
      >;

  return {
    trainee,
    weightsOf: Effect.fnUntraced(function* (as) {
      if (as === "teacher" && teacher.state().rule?._tag === "trust-region") {
        return yield* new PolicyError({
          reason: "unsupported",
          message:
            "Expected a teacher with weights of its own to answer, got a trust-region teacher, which mixes the logits of two models; ask the student, or use the teacher rule ema",
        });
      }
      const arrays = as === "teacher" ? (teacher.arrays() ?? trainee.student) : trainee.student;
      return { arrays, version: yield* sets.version(arrays) };
    }),
    save: Effect.fnUntraced(function* (to, what) {
      const { student } = trainee;
      yield* saveWeights(to, folder, config, tensorsOf(student));
      if (what === "weights") return;
      // Weights that `live` has set aside are kept all the same: the rule may change back.
      const own = teacher.own();
      const training = {
        updates: trainee.updates,
        optimizer: yield* optimizer.state,
        teacher: teacher.state(),
        versions: {
          student: yield* sets.version(student),
          ...(own === undefined ? {} : { teacher: yield* sets.version(own) }),
        },
      };
      const taught = own === undefined ? undefined : tensorsOf(own);
      yield* saveState(to, config, specs, options.optimizer, training, tensorsOf(student), taught);
    }),
    load: Effect.fnUntraced(function* (from) {
      const loaded = yield* loadCheckpoint(from, options.optimizer);
      if (!sameModel(loaded.config, config)) {
        return yield* modelFiles(
          `Expected weights of the model at ${folder}, got another architecture, at ${from}; make a policy of that folder`,
        );
      }
      yield* adopt(loaded, from);
    }),
    release: Effect.gen(function* () {
      yield* releaseArrays(compute, trainee.student);
      yield* teacher.restore({ updatesSinceSync: 0, own: false }, undefined);
      yield* optimizer.release;
    }),
  };
});
