/** Many curves as one: the median over seeds, with its interval, wherever all of them are known. */
import { type Interval, medianInterval } from "./bootstrap.ts";

/** x rises from point to point. */
export type Curve = ReadonlyArray<readonly [x: number, y: number]>;

/** The median of curves at one x. */
export interface BandPoint extends Interval {
  readonly x: number;
}

/** y at an x between two points, or on one; undefined outside the curve. */
export const valueAt = (curve: Curve, x: number): number | undefined => {
  const next = curve.findIndex(([at]) => at >= x);
  const after = curve[next];
  if (after === undefined) return undefined;
  if (after[0] === x) return after[1];
  const before = curve[next - 1];
  if (before === undefined) return undefined;
  const share = (x - before[0]) / (after[0] - before[0]);
  return before[1] + share * (after[1] - before[1]);
};

/**
 * Median and interval at every x at which one of the curves has a point and none has ended; between its points a curve
 * is a straight line.
 */
export const bandOf = (curves: ReadonlyArray<Curve>): ReadonlyArray<BandPoint> => {
  const places = [...new Set(curves.flatMap((curve) => curve.map(([x]) => x)))];
  return places
    .toSorted((a, b) => a - b)
    .flatMap((x) => {
      const values = curves.flatMap((curve) => valueAt(curve, x) ?? []);
      return values.length === curves.length ? [{ x, ...medianInterval(values) }] : [];
    });
};
