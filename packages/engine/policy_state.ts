/** Everything of a local policy that training moves: made from a folder, saved to one, taken over from one. */
import { type Arr, ComputeError, PolicyError, type Role } from "@resd/core";
import { type DecoderConfig, frozenSpecs, parameterSpecs, trainableSpecs } from "@resd/models";
import { Effect, type FileSystem, type Scope } from "effect";
import { type Arrays, type ArraySpec, releaseArrays } from "./arrays.ts";
import {
  type Loaded,
  loadCheckpoint,
  loadWeights,
  saveState,
  saveWeights,
  type TensorSource,
} from "./checkpoint.ts";
import { logitRows } from "./language_rows.ts";
import {
  demandBase,
  type ModelAsked,
  type ModelOrigin,
  openAdapter,
  openModel,
} from "./model_source.ts";
import { makeOptimizer, type OptimizerOptions } from "./optim/optimizer.ts";
import type { Programs } from "./programs.ts";
import { makeTeacher } from "./teacher.ts";
import type { Trainee } from "./update.ts";
import { type WeightsHash, weightsHash } from "./version.ts";
import { makeWeightSets, type Weights } from "./weights.ts";

export interface PolicyStateOptions {
  readonly asked: ModelAsked;
  /** What an adapter says that it belongs to. */
  readonly origin: Pick<ModelOrigin, "base" | "revision">;
  readonly optimizer: OptimizerOptions;
  readonly microBatchTokens: number;
  readonly horizon: number | undefined;
  readonly memoryBytes: number | undefined;
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

/** Whether the same is trained of the same model. */
const sameModel = (a: DecoderConfig, b: DecoderConfig): boolean =>
  JSON.stringify([parameterSpecs(a), a.lora]) === JSON.stringify([parameterSpecs(b), b.lora]);

/** A fresh state: the weights that are asked for, which are also their teacher. */
export const makePolicyState = Effect.fnUntraced(function* (
  programs: Programs,
  options: PolicyStateOptions,
): Effect.fn.Return<PolicyState, ComputeError | PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const { compute } = programs;
  const { asked, origin, horizon } = options;

  /** Uploads tensors, one in host memory at a time; `hash` takes in what they hold. */
  const upload = Effect.fnUntraced(function* (
    tensors: ReadonlyArray<ArraySpec>,
    source: TensorSource,
    hash?: WeightsHash,
  ): Effect.fn.Return<Arrays, ComputeError | PolicyError> {
    const arrays: Record<string, Arr> = {};
    const fill = Effect.gen(function* () {
      for (const { name, shape } of tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
        const data = yield* source(name);
        hash?.add(name, data);
        arrays[name] = yield* compute.put(data, shape);
      }
    });
    yield* Effect.onError(fill, () => Effect.ignore(releaseArrays(compute, arrays)));
    return arrays;
  });

  const model = yield* openModel(asked);
  const { config } = model;
  const specs = trainableSpecs(config);
  const below = config.lora === undefined ? undefined : weightsHash();
  const frozen = yield* upload(frozenSpecs(config), model.frozen, below);
  const base = below?.digest();
  /** What lies below an adapter is a part of the name of every set. */
  const startHash = (): WeightsHash => {
    const hash = weightsHash();
    if (base !== undefined) hash.add("base", new TextEncoder().encode(base));
    return hash;
  };
  const sets = makeWeightSets(programs, specs, startHash);
  const teacher = makeTeacher(programs, sets);
  const optimizer = yield* makeOptimizer(programs, specs, options.optimizer);
  const trainee: Trainee = {
    programs,
    config,
    specs,
    frozen,
    sets,
    optimizer,
    teacher,
    limits: {
      tokens: options.microBatchTokens,
      rows: logitRows(config, 2),
      ...(horizon === undefined ? {} : { horizon }),
    },
    ...(options.memoryBytes === undefined
      ? {}
      : { memory: { budget: options.memoryBytes, optimizer: options.optimizer } }),
    student: {},
    updates: 0,
  };

  /** Uploads weights that training moves; refuses those whose digest is not the expected. */
  const uploadTrained = Effect.fnUntraced(function* (
    source: TensorSource,
    who: string,
    from: string,
    expected: string | undefined,
  ): Effect.fn.Return<Arrays, ComputeError | PolicyError> {
    const hash = expected === undefined ? undefined : startHash();
    const arrays = yield* upload(specs, source, hash);
    const digest = hash?.digest();
    if (digest === expected) return arrays;
    yield* releaseArrays(compute, arrays);
    return yield* modelFiles(
      `Expected ${who} weights ${expected}, got ${digest}, at ${from}; files were changed after the checkpoint was saved, or lie on another model`,
    );
  });

  /** Everything is checked and uploaded before anything is replaced. */
  const adopt = Effect.fnUntraced(function* (
    { student: source, state }: Pick<Loaded, "student" | "state">,
    from: string,
  ) {
    const versions = state?.versions;
    const student = yield* uploadTrained(source, "student", from, versions?.student);
    const taught =
      state?.teacherWeights === undefined
        ? undefined
        : yield* uploadTrained(state.teacherWeights, "teacher", from, versions?.teacher).pipe(
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
  yield* demandBase(model.baseDigest, base, asked.folder, asked.adapter ?? asked.folder).pipe(
    Effect.andThen(adopt({ student: model.trained, state: undefined }, asked.folder)),
    Effect.onError(() => Effect.ignore(releaseArrays(compute, frozen))),
  );

  /** The weights of a folder that `save` wrote, or others wrote alike. */
  const open = Effect.fnUntraced(function* (from: string) {
    if (config.lora === undefined) return yield* loadWeights(from);
    const found = yield* openAdapter(from, model.base);
    yield* demandBase(found.baseDigest, base, asked.folder, from);
    return { config: found.config, student: found.trained, state: undefined } satisfies Loaded;
  });

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
      return { arrays: { ...frozen, ...arrays }, version: yield* sets.version(arrays) };
    }),
    save: Effect.fnUntraced(function* (to, what) {
      const { student } = trainee;
      const named = { ...origin, ...(base === undefined ? {} : { baseDigest: base }) };
      yield* saveWeights(to, asked.folder, config, tensorsOf(student), named);
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
      const loaded = yield* loadCheckpoint(from, options.optimizer, open);
      if (!sameModel(loaded.config, config)) {
        return yield* modelFiles(
          `Expected weights of the model at ${asked.folder}, got another architecture or another adapter, at ${from}; make a policy of that folder`,
        );
      }
      yield* adopt(loaded, from);
    }, Effect.scoped),
    release: Effect.gen(function* () {
      yield* releaseArrays(compute, { ...frozen, ...trainee.student });
      yield* teacher.restore({ updatesSinceSync: 0, own: false }, undefined);
      yield* optimizer.release;
    }),
  };
}, Effect.scoped);
