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
});

/** GRPO's clipped loss on group advantages; `rlsd` lets the teacher shape them by token (arXiv 2604.03128). */
export const PolicyGradient = Schema.TaggedStruct("PolicyGradient", {
  shaping: Schema.Literals(["grpo", "rlsd"]),
  clipLow: Schema.Finite,
  clipHigh: Schema.Finite,
  aggregation: Aggregation,
});

/** The negative log-likelihood of the trained tokens. */
export const CrossEntropy = Schema.TaggedStruct("CrossEntropy", { aggregation: Aggregation });

export type Distill = typeof Distill.Type;
export type PolicyGradient = typeof PolicyGradient.Type;
export type CrossEntropy = typeof CrossEntropy.Type;

/** What a policy is asked to minimise. */
export const Objective = Schema.Union([Distill, PolicyGradient, CrossEntropy]);
export type Objective = typeof Objective.Type;

/** The name of an objective's kind in a policy's capabilities. */
export type ObjectiveKind = "bucket-kl" | "sampled-kl" | "policy-gradient" | "cross-entropy";

/** The kind under which a policy's capabilities list an objective. */
export const objectiveKind = (objective: Objective): ObjectiveKind => {
  switch (objective._tag) {
    case "Distill":
      return objective.support._tag === "sampled-token" ? "sampled-kl" : "bucket-kl";
    case "PolicyGradient":
      return "policy-gradient";
    case "CrossEntropy":
      return "cross-entropy";
  }
};
