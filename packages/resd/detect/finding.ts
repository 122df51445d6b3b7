/** What a detector says: that nothing is learned or that the policy collapses, and why it probably does. */
import { Schema } from "effect";

/** Why nothing is learned. */
export const NOT_LEARNING = [
  "learning-rate-zero",
  "steps-skipped",
  "weights-do-not-move",
  "no-privileged-text",
  "no-solutions",
  "prompts-overflow",
  "environment-fails",
  "all-masked",
  "no-tokens",
  "teacher-is-student",
  "all-clamped",
  "rewards-equal",
  "gradient-zero",
  "answers-unreadable",
  "answers-cut",
  "reflections-unreadable",
  "no-lessons",
  "playbook-stays-empty",
  "teacher-no-better",
  "student-does-not-follow",
  "no-progress",
] as const;

/** What makes a policy worse than it was, or shows that it is about to be. */
export const COLLAPSING = [
  "entropy-collapse",
  "length-explosion",
  "length-collapse",
  "divergence-blow-up",
  "gradient-blow-up",
  "sampler-differs",
  "teacher-falls",
  "playbook-emptied",
  "teacher-followed-student",
  "student-left-teacher",
  "success-falls",
  "forgetting",
] as const;

export const Cause = Schema.Literals([...NOT_LEARNING, ...COLLAPSING]);
export type Cause = typeof Cause.Type;

/** One thing that is wrong, with what to do about it. */
export interface Finding {
  readonly cause: Cause;
  readonly message: string;
}

/** The two ways in which a run goes wrong. */
export type Kind = "nothing-learned" | "collapsing";

/** Which of the two a cause belongs to. */
export const kindOf = (cause: Cause): Kind =>
  NOT_LEARNING.some((one) => one === cause) ? "nothing-learned" : "collapsing";

/** Causes that are found only where no other one is: they are gone when nothing is found, not when something else is. */
export const STANDING_STILL: ReadonlyArray<Cause> = [
  "teacher-no-better",
  "student-does-not-follow",
  "no-progress",
];

/** A finding with its place in the run: a line of summary.json. */
export const Diagnosis = Schema.Struct({
  kind: Schema.Literals(["nothing-learned", "collapsing"]),
  cause: Cause,
  /** Inner updates done when it was noticed. */
  update: Schema.Int,
  message: Schema.String,
  /** Updates done when it was gone again; absent where it stayed. */
  resolved: Schema.optionalKey(Schema.Int),
});
export type Diagnosis = typeof Diagnosis.Type;
