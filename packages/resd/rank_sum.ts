/**
 * Which checkpoint to report. The paper ranks all logged steps by each of four measures and takes the best total of
 * ranks: one checkpoint of a run for all measures. It does not say what decides between equal totals; here the earliest.
 */
import type { Evaluation } from "@resd/core";
import type { Measure } from "./task_scores.ts";

/** The measures that are ranked: per task and per test, mean@k and best@k (plain maximum). */
export const RANKED: ReadonlyArray<Measure> = ["perTask", "bestOfK", "perTest", "bestPerTest"];

/** Ranks from 1, the largest value; equal values share the mean of their places. */
export const ranks = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.map((value) => {
    const larger = values.filter((other) => other > value).length;
    const equal = values.filter((other) => other === value).length;
    return larger + (equal + 1) / 2;
  });

/** The sum of ranks of each evaluation among all of them; the smallest is the best. */
export const rankSums = (
  evaluations: ReadonlyArray<Evaluation>,
  measures: ReadonlyArray<Measure> = RANKED,
): ReadonlyArray<number> => {
  const columns = measures.map((measure) => ranks(evaluations.map((one) => one[measure])));
  return evaluations.map((_, i) => columns.reduce((sum, column) => sum + column[i]!, 0));
};

/** The place of the evaluation that the rule picks, the earliest of equals; undefined of nothing. */
export const pickByRankSum = (
  evaluations: ReadonlyArray<Evaluation>,
  measures: ReadonlyArray<Measure> = RANKED,
): number | undefined => {
  const sums = rankSums(evaluations, measures);
  return sums.length === 0 ? undefined : sums.indexOf(Math.min(...sums));
};
