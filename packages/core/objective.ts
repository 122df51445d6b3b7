/** Objectives as data: saved with the run, compared with a policy's capabilities, sent to remote engines. */
import { Schema } from "effect";

/** How per-token losses become one number. */
export const Aggregation = Schema.Literals([
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm",
  "sample-mean",
]);
export type Aggregation = typeof Aggregation.Type;

/**
 * What becomes of the teacher after each update that was not skipped. `frozen`: nothing. `ema`: teacher ←
 * (1 − rate)·teacher + rate·student. `live`: it is the student. `trust-region`: logits mixed from the student and the
 * first teacher. `hard-sync`: a copy of the student every so many updates.
 */
export const TeacherRule = Schema.TaggedUnion({
  frozen: {},
  ema: { rate: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
  live: {},
  "trust-region": { rate: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
  "hard-sync": { every: Schema.Int.check(Schema.isGreaterThan(0)) },
});
export type TeacherRule = typeof TeacherRule.Type;

/** The buckets on which student and teacher are compared. */
export const Support = Schema.TaggedUnion({
  full: {},
  "top-k": {
    k: Schema.Int.check(Schema.isGreaterThan(0)),
    rest: Schema.Literals(["tail", "renormalize"]),
  },
  "sampled-token": {},
});
export type Support = typeof Support.Type;

const Positive = Schema.Finite.check(Schema.isGreaterThan(0));

/**
 * Weights for tokens that other weights sampled: w = min(exp(clip(log p(y) − log p_behaviour(y), ±20)), clip), detached;
 * `sequence` takes the product of a sequence's ratios for all of its tokens. A loop that takes one step on what it has
 * just sampled with the same engine gets 1 everywhere: `is_clip` and rollout correction of the released code in one.
 */
export const Importance = Schema.Struct({
  /** Largest weight; the released runs use 2. */
  clip: Positive,
  over: Schema.Literals(["token", "sequence"]),
});
export type Importance = typeof Importance.Type;

/**
 * What the student is compared with, between itself (β = 0) and the teacher (β = 1): (1 − β)p + βq over the buckets, or
 * logits (1 − β)z + βzᵀ, where β > 1 goes beyond the teacher. The student's part is detached.
 */
export const Target = Schema.Struct({
  beta: Positive,
  space: Schema.Literals(["probabilities", "logits"]),
});
export type Target = typeof Target.Type;

/** By what tokens are ranked, higher first, with entropies H_T of the teacher and H_S of the student. */
export const EntropyRank = Schema.Literals([
  /** H_T − H_S. */
  "difference",
  /** |H_T − H_S|. */
  "absolute-difference",
  /** H_T / max(H_S, 1e-8). */
  "ratio",
  "teacher-high",
  "teacher-low",
  "student-high",
  "student-low",
]);
export type EntropyRank = typeof EntropyRank.Type;

/**
 * Which trained tokens are kept, by the entropies of the unclamped distributions on the support. `entropy-share`: of each
 * sequence the first ⌈share·tokens⌉, one at least, and all that tie with the last. `entropy-gain`: those with H_T > H_S.
 */
export const TokenFilter = Schema.TaggedUnion({
  "entropy-share": {
    share: Schema.Finite.check(Schema.isBetween({ minimum: 1e-12, maximum: 1 })),
    by: EntropyRank,
  },
  "entropy-gain": {},
});
export type TokenFilter = typeof TokenFilter.Type;

/** The student learns the teacher's distribution on its own tokens (arXiv 2605.12741, eq. 1). */
export const Distill = Schema.TaggedStruct("Distill", {
  /** 0 forward KL(teacher‖student), 1 reverse KL, between: generalized JSD (trap T8). */
  alpha: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  support: Support,
  /** Floor r_min of teacher/student probability, 0 < r_min ≤ 1. */
  ratioMin: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 1e-12, maximum: 1 })),
  ),
  /** Ceiling r_max of teacher/student probability. */
  ratioMax: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  aggregation: Aggregation,
  teacher: TeacherRule,
  /** Absent: the teacher itself. */
  target: Schema.optionalKey(Target),
  /** Absent: tokens of other weights count like the policy's own. */
  importance: Schema.optionalKey(Importance),
  /** Absent: all tokens of the mask. */
  tokenFilter: Schema.optionalKey(TokenFilter),
  /**
   * β of weights exp(−β·H_T) with the teacher's entropy over the whole vocabulary, scaled to a mean of 1 in every sequence
   * (SRPO, arXiv 2604.02288). Absent: no weights.
   */
  entropyWeight: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
  /** β of weights 1 + β(t/L − ½) along a sequence's trained tokens, floored at 0. Absent: no ramp. */
  positionRamp: Schema.optionalKey(Schema.Finite),
});

/** GRPO's clipped loss on group advantages; `rlsd` lets the teacher shape them by token (arXiv 2604.03128). */
export const PolicyGradient = Schema.TaggedStruct("PolicyGradient", {
  shaping: Schema.Literals(["grpo", "rlsd"]),
  clipLow: Schema.Finite,
  clipHigh: Schema.Finite,
  aggregation: Aggregation,
  /** Whether advantages are divided by their group's standard deviation (trap T25). Absent: they are. */
  normalize: Schema.optionalKey(Schema.Boolean),
  /** Given: the ratio is to the weights that are trained, so 1, and this corrects for those that sampled. */
  importance: Schema.optionalKey(Importance),
});

/** The negative log-likelihood of the trained tokens. */
export const CrossEntropy = Schema.TaggedStruct("CrossEntropy", { aggregation: Aggregation });

/**
 * Which samples follow the teacher and which the reward. `share`: all of them both, λ·distill + (1 − λ)·reward. `outcome`:
 * samples with a lesson follow the teacher and the others the reward, in one sum over one denominator; a run gives lessons
 * to failures only (SRPO, arXiv 2604.02288).
 */
export const Route = Schema.TaggedUnion({
  share: { lambda: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
  outcome: {},
});
export type Route = typeof Route.Type;

/** A teacher and a reward in one step. */
export const Mixture = Schema.TaggedStruct("Mixture", {
  distill: Distill,
  reward: PolicyGradient,
  route: Route,
});

export type Distill = typeof Distill.Type;
export type PolicyGradient = typeof PolicyGradient.Type;
export type CrossEntropy = typeof CrossEntropy.Type;
export type Mixture = typeof Mixture.Type;

/** What a policy is asked to minimise. */
export const Objective = Schema.Union([Distill, PolicyGradient, CrossEntropy, Mixture]);
export type Objective = typeof Objective.Type;

/** The part of an objective that a teacher's distribution teaches. */
export const distillOf = (objective: Objective): Distill | undefined =>
  objective._tag === "Distill"
    ? objective
    : objective._tag === "Mixture"
      ? objective.distill
      : undefined;

/** The part of an objective that advantages teach. */
export const rewardOf = (objective: Objective): PolicyGradient | undefined =>
  objective._tag === "PolicyGradient"
    ? objective
    : objective._tag === "Mixture"
      ? objective.reward
      : undefined;

/**
 * A name in a policy's capabilities: a kind of objective, or one of what can be done to its tokens. `token-weights` are
 * filters, entropy weights, position ramps and importance weights, `targets` what lies between student and teacher.
 */
export type ObjectiveKind =
  | "bucket-kl"
  | "sampled-kl"
  | "policy-gradient"
  | "cross-entropy"
  | "mixture"
  | "token-weights"
  | "targets";

/** The kinds under which a policy's capabilities list an objective; all of them are needed. */
export const objectiveKinds = (objective: Objective): ReadonlyArray<ObjectiveKind> => {
  switch (objective._tag) {
    case "Distill": {
      const { support, target, importance, tokenFilter, entropyWeight, positionRamp } = objective;
      const weighs = [importance, tokenFilter, entropyWeight, positionRamp].some(
        (option) => option !== undefined,
      );
      return [
        support._tag === "sampled-token" ? "sampled-kl" : "bucket-kl",
        ...(weighs ? (["token-weights"] as const) : []),
        ...(target === undefined ? [] : (["targets"] as const)),
      ];
    }
    case "PolicyGradient":
      return [
        "policy-gradient",
        ...(objective.importance === undefined ? [] : (["token-weights"] as const)),
      ];
    case "CrossEntropy":
      return ["cross-entropy"];
    case "Mixture":
      return [
        "mixture",
        ...new Set([...objectiveKinds(objective.distill), ...objectiveKinds(objective.reward)]),
      ];
  }
};
