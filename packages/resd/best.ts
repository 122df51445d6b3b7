/**
 * The best policy of a run by what was measured on the way, and when to stop waiting for a better one.
 *
 * Gotcha: the largest of many noisy measurements is too large. A best that the held-out tasks chose looks better on them
 * than it is; `splits.select` names other tasks to choose by, and leaves the held-out ones to report.
 */
import type { ResdConfig } from "./config.ts";
import type { CurvePoint } from "./summary.ts";
import type { Measure } from "./task_scores.ts";

/** What a point is judged by: the student on the tasks that choose, or on the held-out ones where there are no others. */
export const chosenBy = (point: CurvePoint, measure: Measure): number =>
  (point.select ?? point.student)[measure];

/** The best point of a curve, the earliest of equals; undefined of an empty curve. */
export const bestPoint = (
  curve: ReadonlyArray<CurvePoint>,
  measure: Measure,
): CurvePoint | undefined => {
  let best: CurvePoint | undefined;
  for (const point of curve) {
    if (best === undefined || chosenBy(point, measure) > chosenBy(best, measure)) best = point;
  }
  return best;
};

/** Whether the last `patience` evaluations were none better than the best one before them. */
export const isOutOfPatience = (
  { keepBest, patience }: ResdConfig["evaluation"],
  curve: ReadonlyArray<CurvePoint>,
): boolean => {
  if (keepBest === undefined || patience === undefined) return false;
  const best = bestPoint(curve, keepBest);
  return best !== undefined && curve.length - 1 - curve.indexOf(best) >= patience;
};
