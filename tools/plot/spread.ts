/** Many runs as one curve: the median over seeds, and the range they span. */
import { medianOf } from "@resd/compare";
import type { RunSummary } from "@resd/run";

export type Role = "student" | "teacher";

/** One evaluation, over all runs. Success in [0, 1], mean@k over held-out tasks. */
export interface SpreadPoint {
  /** Inner updates done. */
  readonly update: number;
  /** Training episodes opened until then; the median, should the runs differ. */
  readonly interactions: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/**
 * Median and range of a role's held-out success at every update where each of the runs was evaluated. Empty for a
 * teacher that was not measured.
 */
export const spreadOf = (
  runs: ReadonlyArray<RunSummary>,
  role: Role,
): ReadonlyArray<SpreadPoint> => {
  const updates = [...new Set(runs.flatMap(({ curve }) => curve.map((point) => point.update)))];
  return updates
    .toSorted((a, b) => a - b)
    .flatMap((update): ReadonlyArray<SpreadPoint> => {
      const measured = runs.flatMap(({ curve }) => {
        const point = curve.find((one) => one.update === update);
        const success = point?.[role]?.perTask;
        return point === undefined || success === undefined
          ? []
          : [{ interactions: point.interactions, success }];
      });
      if (measured.length < runs.length) return [];
      const successes = measured.map(({ success }) => success);
      return [
        {
          update,
          interactions: medianOf(measured.map(({ interactions }) => interactions)),
          low: Math.min(...successes),
          median: medianOf(successes),
          high: Math.max(...successes),
        },
      ];
    });
};
