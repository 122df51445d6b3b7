/** What an evaluation on held-out tasks says: the scores of each task, and the means over tasks. */
import { Schema } from "effect";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

/**
 * Held-out results of one role. Shares are in [0, 1] and means over tasks of a task's own mean, or of its best of k
 * samples. Standard errors are those of the mean over tasks (samples of one task are not independent); 0 for one task,
 * where it is unknown.
 */
export const Evaluation = Schema.Struct({
  /** mean@k of success. */
  perTask: Schema.Finite,
  /** mean@k of the passed share of the tests. */
  perTest: Schema.Finite,
  /** best@k of success: the plain maximum, as in the paper's tables. */
  bestOfK: Schema.Finite,
  /** best@k of the passed share of the tests. */
  bestPerTest: Schema.Finite,
  /** Success of the best of k draws with replacement from a task's samples: what the released code logs as best@k. */
  bestOfKBootstrap: Schema.Finite,
  /** The same of the passed share of the tests. */
  bestPerTestBootstrap: Schema.Finite,
  perTaskStderr: Schema.Finite,
  perTestStderr: Schema.Finite,
  bestOfKStderr: Schema.Finite,
  bestPerTestStderr: Schema.Finite,
  /** Samples that were asked for, of each task. */
  k: Count,
  /** Tasks with at least one graded sample. */
  tasks: Count,
  /** Graded samples. */
  attempts: Count,
  /** Tokens sampled, per graded sample. */
  meanTokens: Schema.Finite,
  /** Share of graded samples whose last answer was cut by its length. */
  truncated: Schema.Finite,
});
export type Evaluation = typeof Evaluation.Type;

/** The graded samples of one task, all lists in sample order: from these every number of an evaluation follows. */
export const TaskScores = Schema.Struct({
  task: Schema.String,
  success: Schema.Array(Schema.Boolean),
  /** Passed share of the tests. */
  fraction: Schema.Array(Schema.Finite),
  /** Tokens sampled. */
  tokens: Schema.Array(Count),
  /** Whether the last answer was cut by its length. */
  truncated: Schema.Array(Schema.Boolean),
  /** Samples that could not be graded; no list has them. */
  ungraded: Count,
});
export type TaskScores = typeof TaskScores.Type;
