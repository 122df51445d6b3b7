/** Everything of a local policy that training moves: made from a folder, saved to one, taken over from one. */
import { type Arr, ComputeError, PolicyError, type Role } from "@resd/core";
import { type DecoderConfig, parameterSpecs } from "@resd/models";
import { Effect, type FileSystem } from "effect";
import { type Arrays, releaseArrays } from "./arrays.ts";
import {
  type Loaded,
  loadCheckpoint,
  loadWeights,
  saveState,
  saveWeights,
  type TensorSource,
} from "./checkpoint.ts";
import { logitRows } from "./language_rows.ts";
import { makeOptimizer, type OptimizerOptions } from "./optim/optimizer.ts";
import type { Programs } from "./programs.ts";
import { makeTeacher } from "./teacher.ts";
import type { Trainee } from "./update.ts";
import { weightsHash } from "./version.ts";
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

const sameModel = (a: DecoderConfig, b: DecoderConfig): boolean =>
  JSON.stringify(parameterSpecs(a)) === JSON.stringify(parameterSpecs(b));

/** A fresh state: the weights of the model at `options.folder`, which are also its teacher. */
export const makePolicyState = Effect.fnUntraced(function* (
  programs: Programs,
  options: PolicyStateOptions,
): Effect.fn.Return<PolicyState, ComputeError | PolicyError, FileSystem.FileSystem> {
  const { compute } = programs;
  const { folder, horizon } = options;
  const config = yield* Effect.scoped(Effect.map(loadWeights(folder), (model) => model.config));
  const specs = parameterSpecs(config);
  const sets = makeWeightSets(programs, specs);

  /** Uploads a set of weights, one tensor in host memory at a time; refuses one whose digest is not the expected. */
  const upload = Effect.fnUntraced(function* (
    source: TensorSource,
    who: string,
    from: string,
    expected: string | undefined,
  ): Effect.fn.Return<Arrays, ComputeError | PolicyError> {
    const arrays: Record<string, Arr> = {};
    const fill = Effect.gen(function* () {
      const hash = weightsHash();
      for (const { name, shape } of specs.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const data = yield* source(name);
        if (expected !== undefined) hash.add(name, data);
        arrays[name] = yield* compute.put(data, shape);
      }
      if (expected === undefined || hash.digest() === expected) return;
      return yield* modelFiles(
        `Expected ${who} weights ${expected}, got ${hash.digest()}, at ${from}; files were changed after the checkpoint was saved`,
      );
    });
    yield* Effect.onError(fill, () => Effect.ignore(releaseArrays(compute, arrays)));
    return arrays;
  });

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
      rows: logitRows(config, 2),
      ...(horizon === undefined ? {} : { horizon }),
    },
    student: {},
    updates: 0,
  };

  /** Everything is checked and uploaded before anything is replaced. */
  const adopt = Effect.fnUntraced(function* ({ student: source, state }: Loaded, from: string) {
    const versions = state?.versions;
    const student = yield* upload(source, "student", from, versions?.student);
    const taught =
      state?.teacherWeights === undefined
        ? undefined
        : yield* upload(state.teacherWeights, "teacher", from, versions?.teacher).pipe(
            Effect.onError(() => Effect.ignore(releaseArrays(compute, student))),
          );
    yield* Effect.uninterruptible(
      Effect.gen(function* () {
        yield* releaseArrays(compute, trainee.student);
        trainee.student = student;
        trainee.updates = state?.updates ?? 0;
        yield* teacher.restore(state?.teacher ?? { updatesSinceSync: 0, own: false }, taught);
        yield* optimizer.restore(state?.optimizer ?? { steps: 0, tensors: new Map() });
      }),
    );
  });
  yield* Effect.scoped(Effect.flatMap(loadWeights(folder), (first) => adopt(first, folder)));

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
    }, Effect.scoped),
    release: Effect.gen(function* () {
      yield* releaseArrays(compute, trainee.student);
      yield* teacher.restore({ updatesSinceSync: 0, own: false }, undefined);
      yield* optimizer.release;
    }),
  };
});
