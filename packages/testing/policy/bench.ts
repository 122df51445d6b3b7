/** What all policy laws share: a fresh policy, prompts, batches that it sampled itself, and a reading of its weights. */
import {
  type Distill,
  type GenerateRequest,
  type Generation,
  type Ids,
  type Objective,
  Policy,
  type PolicyError,
  type PolicyGradient,
  type PolicyShape,
  type Prompt,
  type Sampling,
  type TeacherRule,
  type TrainSample,
} from "@resd/core";
import { Context, Effect, Layer } from "effect";
import { demand } from "../law.ts";

export interface PolicyLawSettings {
  /** Student prompts, two at least, all different. */
  readonly prompts: ReadonlyArray<Prompt>;
  /** A teacher's prompt for each of them: longer, and enough to make it answer differently. */
  readonly teacherPrompts: ReadonlyArray<Prompt>;
  /** Control tokens of the model: text must never become one of them. */
  readonly controls?: ReadonlyArray<string>;
  /** Texts that `encode` and `decode` must bring back unchanged. */
  readonly texts?: ReadonlyArray<string>;
  /** Longest answer that is sampled; 6 if absent. */
  readonly maxTokens?: number;
  /** Learning rate that clearly moves the model in one update; 0.01 if absent. */
  readonly lr?: number;
  /** Largest difference between log-probs that should be equal; 1e-3 if absent. */
  readonly tolerance?: number;
  /** The same policy with the same weights and other micro-batch sizes. */
  readonly chunkings?: ReadonlyArray<Layer.Layer<Policy, unknown>>;
  /** A folder that may be written: adds the laws of saving. */
  readonly folder?: string;
  /** The policy claims that an answer does not depend on the other requests, to the last bit. */
  readonly independent?: boolean;
}

export interface PolicyBench<E, R> {
  readonly settings: Required<Pick<PolicyLawSettings, "maxTokens" | "lr" | "tolerance">> &
    PolicyLawSettings;
  /** Runs `use` on a fresh policy and closes it. */
  readonly fresh: <A, Failure>(
    use: (policy: PolicyShape) => Effect.Effect<A, Failure>,
  ) => Effect.Effect<A, E | Failure, R>;
}

/** Runs `use` on a new policy of a layer, and closes it. */
export const onFresh = <E, R, A, Failure>(
  layer: Layer.Layer<Policy, E, R>,
  use: (policy: PolicyShape) => Effect.Effect<A, Failure>,
): Effect.Effect<A, E | Failure, R> =>
  Effect.scoped(
    Effect.flatMap(Layer.build(Layer.fresh(layer)), (context) => use(Context.get(context, Policy))),
  );

export const makePolicyBench = <E, R>(
  layer: Layer.Layer<Policy, E, R>,
  settings: PolicyLawSettings,
): PolicyBench<E, R> => ({
  settings: { maxTokens: 6, lr: 0.01, tolerance: 1e-3, ...settings },
  fresh: (use) => onFresh(layer, use),
});

export const RAW: Omit<Sampling, "maxTokens"> = { temperature: 1, topP: 1, topK: 0, stop: [] };

/** One request per prompt, with a seed of its own. */
export const requestsFor = Effect.fnUntraced(function* (
  policy: PolicyShape,
  prompts: ReadonlyArray<Prompt>,
  sampling: Sampling,
  seed = 0,
): Effect.fn.Return<ReadonlyArray<GenerateRequest>, PolicyError> {
  const encoded = yield* Effect.forEach(prompts, (prompt) => policy.encode(prompt));
  return encoded.map((prompt, i) => ({
    id: `law-${i}`,
    prompt,
    seed: 1000 * seed + i,
    sampling,
    as: "student" as const,
  }));
});

const joined = (prompt: Ids, suffix: Ids): Ids => {
  const ids = new Int32Array(prompt.length + suffix.length);
  ids.set(prompt);
  ids.set(suffix, prompt.length);
  return ids;
};

/** A sample made from an answer; a teacher's prompt makes it one to distil. */
const toSample = (
  request: GenerateRequest,
  { ids, logProbs }: Generation,
  teacher?: Ids,
): TrainSample => ({
  id: request.id,
  student: { ids: joined(request.prompt, ids), from: request.prompt.length },
  ...(teacher === undefined
    ? {}
    : { teacher: { ids: joined(teacher, ids), from: teacher.length } }),
  mask: new Uint8Array(ids.length).fill(1),
  weight: 1,
  behaviour: logProbs,
  signal: teacher === undefined ? "none:no-teacher" : "reflection",
});

/** The sample as one with nothing to distil. */
export const withoutTeacher = (sample: TrainSample): TrainSample => {
  const { teacher: _, ...rest } = sample;
  return { ...rest, signal: "none:no-teacher" };
};

/** A batch that the policy sampled itself, every sample with a teacher. */
export const sampledBatch = Effect.fnUntraced(function* (
  policy: PolicyShape,
  settings: PolicyBench<never, never>["settings"],
): Effect.fn.Return<ReadonlyArray<TrainSample>, PolicyError> {
  const sampling = { ...RAW, maxTokens: settings.maxTokens };
  const requests = yield* requestsFor(policy, settings.prompts, sampling);
  const teachers = yield* Effect.forEach(settings.teacherPrompts, (prompt) =>
    policy.encode(prompt),
  );
  const answers = yield* policy.generate(requests);
  return requests.map((request, i) => toSample(request, answers[i] as Generation, teachers[i]));
});

/** Why a policy refused, or that it did not. */
export const reasonOf = <A>(effect: Effect.Effect<A, PolicyError>) =>
  Effect.map(Effect.result(effect), (outcome) =>
    outcome._tag === "Failure" ? outcome.failure.reason : "an answer",
  );

/** What the policy makes of a batch's suffixes: equal numbers mean equal weights, for all that matters. */
export const probe = (
  policy: PolicyShape,
  batch: ReadonlyArray<TrainSample>,
  as: "student" | "teacher" = "student",
): Effect.Effect<ReadonlyArray<number>, PolicyError> =>
  Effect.map(
    policy.score(batch.map(({ student }) => ({ ids: student.ids, from: student.from, as }))),
    (scores) => scores.flatMap(({ logProbs }) => Array.from(logProbs)),
  );

/** Largest difference; infinite where lengths differ or a value is not a number. */
export const farthest = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  if (a.length !== b.length) return Infinity;
  const differences = a.map((x, i) => Math.abs(x - (b[i] as number)));
  return differences.some(Number.isNaN) ? Infinity : Math.max(0, ...differences);
};

/** Versions of both roles: equal before and after means that nothing changed. */
export const versionsOf = (policy: PolicyShape) =>
  Effect.all([policy.version("student"), policy.version("teacher")]);

/** A distillation that the policy says it can do. */
export const distillFor = (
  { capabilities }: PolicyShape,
  teacher: TeacherRule = capabilities.teachers.includes("frozen")
    ? { _tag: "frozen" }
    : { _tag: "live" },
): Distill => {
  const { topK, objectives } = capabilities;
  const support =
    !objectives.includes("bucket-kl") || topK === 0
      ? ({ _tag: "sampled-token" } as const)
      : topK === "full"
        ? ({ _tag: "full" } as const)
        : ({ _tag: "top-k", k: topK, rest: "renormalize" } as const);
  return { _tag: "Distill", alpha: 1, support, aggregation: "token-mean", teacher };
};

/** Demands that an update is refused for `reason` and leaves student and teacher as they were. */
export const demandRefused = Effect.fnUntraced(function* (
  policy: PolicyShape,
  update: Effect.Effect<unknown, PolicyError>,
  reason: PolicyError["reason"],
  what: string,
) {
  const before = yield* versionsOf(policy);
  const outcome = yield* Effect.result(update);
  const failure = outcome._tag === "Failure" ? outcome.failure : undefined;
  yield* demand(
    failure?.reason === reason,
    `a PolicyError with reason "${reason}" for ${what}`,
    failure ?? "a report",
    "check the request before anything is computed",
  );
  const after = yield* versionsOf(policy);
  yield* demand(
    before.join() === after.join(),
    "the weights from before",
    after,
    `after refusing ${what}`,
  );
});

const DISTILL: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
};

const REWARD: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};

/** Objectives by kind, for laws about what a policy does not claim. */
export const OBJECTIVES: Readonly<Record<string, Objective>> = {
  "bucket-kl": DISTILL,
  "sampled-kl": {
    _tag: "Distill",
    alpha: 1,
    support: { _tag: "sampled-token" },
    aggregation: "token-mean",
    teacher: { _tag: "frozen" },
  },
  "policy-gradient": REWARD,
  "cross-entropy": { _tag: "CrossEntropy", aggregation: "token-mean" },
  mixture: {
    _tag: "Mixture",
    distill: DISTILL,
    reward: REWARD,
    route: { _tag: "share", lambda: 0.5 },
  },
  "token-weights": { ...DISTILL, positionRamp: 1 },
  targets: { ...DISTILL, target: { beta: 0.5, space: "logits" } },
};

/** Largest relative difference between numbers of two updates that should be the same. */
const RELATIVE = 1e-3;

/** Whether two numbers of updates are the same for all that matters. */
export const near = (a: number, b: number): boolean =>
  Math.abs(a - b) <= RELATIVE * Math.max(1e-6, Math.abs(a), Math.abs(b));
