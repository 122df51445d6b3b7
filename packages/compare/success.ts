/** The success of a run that a comparison looks at. */
import type { EvaluationPoint } from "./cell_result.ts";
import type { Measure } from "./matrix.ts";

/** Success between two evaluations; undefined beyond the last. */
const between = (
  curve: ReadonlyArray<EvaluationPoint>,
  axis: "updates" | "interactions",
  count: number,
): number | undefined => {
  const after = curve.findIndex((point) => point[axis] >= count);
  const high = curve[after];
  if (high === undefined) return undefined;
  const low = curve[after - 1];
  if (low === undefined || high[axis] === count) return high.success;
  const share = (count - low[axis]) / (high[axis] - low[axis]);
  return low.success + share * (high.success - low.success);
};

/** The success that a measure asks for; undefined where the curve does not reach that far. */
export const successBy = (
  curve: ReadonlyArray<EvaluationPoint>,
  measure: Measure,
): number | undefined => {
  if (measure === "final") return curve.at(-1)?.success;
  if (measure === "best") {
    return curve.length === 0 ? undefined : Math.max(...curve.map(({ success }) => success));
  }
  return "interactions" in measure
    ? between(curve, "interactions", measure.interactions)
    : between(curve, "updates", measure.updates);
};

/** The measure in words. */
export const measureText = (measure: Measure): string =>
  typeof measure === "string"
    ? measure === "final"
      ? "at the end"
      : "at the best evaluation"
    : "interactions" in measure
      ? `after ${measure.interactions} interactions`
      : `after ${measure.updates} updates`;
