/** From graded attempts to the scores of each task, and from those to an evaluation. */
import type { Evaluation, TaskScores } from "@resd/core";
import {
  type Estimate,
  differenceEstimate,
  meanOf,
  shareEstimate,
  standardError,
} from "./interval.ts";
import type { Rollout } from "./rollout_request.ts";

/** The scores of each task, in the order in which the tasks were first tried. */
export const taskScores = (rollouts: ReadonlyArray<Rollout>): ReadonlyArray<TaskScores> =>
  [...Map.groupBy(rollouts, ({ attempt }) => attempt.taskKey)].map(([task, all]) => {
    const graded = all.filter(({ ungraded }) => ungraded === undefined);
    const attempts = graded.map(({ attempt }) => attempt);
    return {
      task,
      success: attempts.map(({ success }) => success),
      fraction: attempts.map(({ fraction }) => fraction),
      tokens: attempts.map(({ mask }) => mask.reduce((sum, sampled) => sum + sampled, 0)),
      truncated: attempts.map(({ truncated }) => truncated),
      ungraded: all.length - graded.length,
    };
  });

const best = (values: ReadonlyArray<number>): number => values.reduce((a, b) => Math.max(a, b), 0);

/**
 * The expectation of the largest of `draws` values drawn with replacement: Σ v₍ᵢ₎((i/n)^d − ((i−1)/n)^d) over the sorted
 * values. Of c successes in n it is 1 − (1 − c/n)^d. The released code takes 1000 such draws with a fixed seed and logs their mean.
 */
export const expectedBest = (values: ReadonlyArray<number>, draws: number): number =>
  values
    .toSorted((a, b) => a - b)
    .reduce(
      (sum, value, i, { length }) =>
        sum + value * (((i + 1) / length) ** draws - (i / length) ** draws),
      0,
    );

/** The measures of a task: shares in [0, 1], larger is better. */
export const TASK_MEASURES = {
  perTask: ({ success }: TaskScores) => meanOf(success.map(Number)),
  perTest: ({ fraction }: TaskScores) => meanOf(fraction),
  bestOfK: ({ success }: TaskScores) => best(success.map(Number)),
  bestPerTest: ({ fraction }: TaskScores) => best(fraction),
} as const;

/** What an evaluation can be judged by: the four measures of the paper's tables. */
export type Measure = keyof typeof TASK_MEASURES;

const isGraded = ({ success }: TaskScores): boolean => success.length > 0;

/**
 * The evaluation that scores come to. Tasks without a graded sample take no part: a server that is down is no failure of
 * the policy.
 *
 * @param k samples that were asked for; also the draws of the bootstrap estimates.
 */
export const evaluationOf = (scores: ReadonlyArray<TaskScores>, k: number): Evaluation => {
  const graded = scores.filter(isGraded);
  const values = (measure: Measure) => graded.map(TASK_MEASURES[measure]);
  const over = (score: (task: TaskScores) => number) => meanOf(graded.map(score));
  return {
    perTask: over(TASK_MEASURES.perTask),
    perTest: over(TASK_MEASURES.perTest),
    bestOfK: over(TASK_MEASURES.bestOfK),
    bestPerTest: over(TASK_MEASURES.bestPerTest),
    bestOfKBootstrap: over(({ success }) => expectedBest(success.map(Number), k)),
    bestPerTestBootstrap: over(({ fraction }) => expectedBest(fraction, k)),
    perTaskStderr: standardError(values("perTask")),
    perTestStderr: standardError(values("perTest")),
    bestOfKStderr: standardError(values("bestOfK")),
    bestPerTestStderr: standardError(values("bestPerTest")),
    k,
    tasks: graded.length,
    attempts: graded.reduce((sum, { success }) => sum + success.length, 0),
    meanTokens: meanOf(graded.flatMap(({ tokens }) => tokens)),
    truncated: meanOf(graded.flatMap(({ truncated }) => truncated.map(Number))),
  };
};

/** A measure with its interval. A best of k is one sample of its task, so it counts once. */
export const measureEstimate = (scores: ReadonlyArray<TaskScores>, measure: Measure): Estimate => {
  const graded = scores.filter(isGraded);
  const attempts =
    measure === "bestOfK" || measure === "bestPerTest"
      ? graded.length
      : graded.reduce((sum, { success }) => sum + success.length, 0);
  return shareEstimate(graded.map(TASK_MEASURES[measure]), attempts);
};

/**
 * How much larger a measure is in `after`, task by task: what both have in common cancels. Only tasks in both
 * count; with fewer than two of them the interval is everything that a difference can be.
 */
export const pairedDifference = (
  before: ReadonlyArray<TaskScores>,
  after: ReadonlyArray<TaskScores>,
  measure: Measure,
): Estimate => {
  const earlier = new Map(before.filter(isGraded).map((scores) => [scores.task, scores]));
  const of = TASK_MEASURES[measure];
  const { value, low, high } = differenceEstimate(
    after.filter(isGraded).flatMap((scores) => {
      const other = earlier.get(scores.task);
      return other === undefined ? [] : [of(scores) - of(other)];
    }),
  );
  return { value, low: Math.max(-1, low), high: Math.min(1, high) };
};
