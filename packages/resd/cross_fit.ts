/**
 * What a checkpoint that was picked by its results is worth on tasks that did not pick it. The best of many noisy results is
 * too good; picking on one half of the tasks and looking at the other half takes that away, without a third split.
 */
import { type TaskScores, makeRandom } from "@resd/core";
import { pickByRankSum } from "./rank_sum.ts";
import { meanOf } from "./interval.ts";
import { type Measure, evaluationOf } from "./task_scores.ts";

/** The scores of one evaluation: the same tasks at every evaluation of a run. */
type Scores = ReadonlyArray<TaskScores>;

const SPLITS = 50;

/**
 * The mean of a measure over halves of the tasks, at the evaluation that the rank sum picks by the other half: 50 seeded
 * splits, each both ways. Halves pick worse than the whole would, so it leans low. Undefined for fewer than two tasks.
 *
 * @param evaluations the scores of each evaluation. @param k samples of a task.
 */
export const crossFit = (
  evaluations: ReadonlyArray<Scores>,
  k: number,
  measure: Measure,
): number | undefined => {
  const tasks = [...new Set(evaluations.flatMap((scores) => scores.map(({ task }) => task)))];
  if (tasks.length < 2) return undefined;
  const values: Array<number> = [];
  for (let split = 0; split < SPLITS; split++) {
    const half = new Set(makeRandom("cross-fit", split).sample(tasks, tasks.length >> 1));
    for (const picks of [true, false]) {
      const of = (scores: Scores, own: boolean) =>
        evaluationOf(
          scores.filter(({ task }) => half.has(task) === own),
          k,
        );
      const picked = pickByRankSum(evaluations.map((scores) => of(scores, picks)));
      if (picked !== undefined) values.push(of(evaluations[picked]!, !picks)[measure]);
    }
  }
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? undefined : meanOf(known);
};
