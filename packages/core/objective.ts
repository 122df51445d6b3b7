/** Objectives as data: saved with the run, compared with a policy's capabilities, sent to remote engines. */
import { Schema } from "effect";

/** How per-token losses become one number (specification §2.10). */
export const Aggregation = Schema.Literals([
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm",
  "sample-mean",
]);
export type Aggregation = typeof Aggregation.Type;

/** teacher ← (1 − rate)·teacher + rate·student after each update that was not skipped (specification §2.11). */
export const TeacherRule = Schema.TaggedUnion({
  frozen: {},
  ema: { rate: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
  live: {},
  "trust-region": { rate: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
  "hard-sync": { every: Schema.Int.check(Schema.isGreaterThan(0)) },
});
export type TeacherRule = typeof TeacherRule.Type;

/** The buckets on which student and teacher are compared (specification §2.2). */
export const Support = Schema.TaggedUnion({
  full: {},
  "top-k": {
    k: Schema.Int.check(Schema.isGreaterThan(0)),
    rest: Schema.Literals(["tail", "renormalize"]),
  },
  "sampled-token": {},
});
export type Support = typeof Support.Type;

export const Distill = Schema.TaggedStruct("Distill", {
  /** 0 forward KL(teacher‖student), 1 reverse KL, between: generalized JSD (trap T8). */
  alpha: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  support: Support,
  /** Floor r_min of teacher/student probability, 0 < r_min ≤ 1 (§2.3). */
  ratioMin: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 1e-12, maximum: 1 })),
  ),
  /** Ceiling r_max of teacher/student probability. */
  ratioMax: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  aggregation: Aggregation,
  teacher: TeacherRule,
});
export const PolicyGradient = Schema.TaggedStruct("PolicyGradient", {
  shaping: Schema.Literals(["grpo", "rlsd"]),
  clipLow: Schema.Finite,
  clipHigh: Schema.Finite,
  aggregation: Aggregation,
});
export const CrossEntropy = Schema.TaggedStruct("CrossEntropy", { aggregation: Aggregation });

export type Distill = typeof Distill.Type;
export type PolicyGradient = typeof PolicyGradient.Type;
export type CrossEntropy = typeof CrossEntropy.Type;

/** What a policy is asked to minimise. */
export const Objective = Schema.Union([Distill, PolicyGradient, CrossEntropy]);
export type Objective = typeof Objective.Type;

/** The name of an objective's kind in a policy's capabilities. */
export type ObjectiveKind = "bucket-kl" | "sampled-kl" | "policy-gradient" | "cross-entropy";
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
