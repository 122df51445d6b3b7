/** Two variants beside each other, seed by seed: what is left when the luck of a seed is taken out. */
import { Schema } from "effect";
import { type Bounds, boundedMedianInterval, medianInterval } from "./bootstrap.ts";
import type { CellResult } from "./cell_result.ts";
import { crossingOf } from "./crossing.ts";
import type { Measure } from "./matrix.ts";
import { successBy } from "./success.ts";

/** A number, or null where it has no bound or is not known. */
const Known = Schema.NullOr(Schema.Finite);

/** Differences in success of two variants, in [-1, 1]. */
export const Difference = Schema.Struct({
  /** Seeds that both variants were measured on. */
  seeds: Schema.Array(Schema.Int),
  /** First variant minus second, seed by seed. */
  values: Schema.Array(Schema.Finite),
  /** All null without seeds. */
  median: Known,
  low: Known,
  high: Known,
});
export type Difference = typeof Difference.Type;

/** How many times as much one variant needs to a success. A seed that never got there only bounds its ratio. */
export const Ratio = Schema.Struct({
  threshold: Schema.Finite,
  axis: Schema.Literals(["interactions", "updates"]),
  seeds: Schema.Array(Schema.Int),
  /** Second variant over first, seed by seed; `high` null: at least `low`. */
  values: Schema.Array(Schema.Struct({ low: Schema.Finite, high: Known })),
  /** Bounds of the sample's median; equal where it is known, `high` null where it is only known to be at least `low`. */
  median: Schema.NullOr(Schema.Struct({ low: Schema.Finite, high: Known })),
  /** The interval, which holds whatever the censored values are. */
  low: Known,
  high: Known,
});
export type Ratio = typeof Ratio.Type;

/** Pairs of cells with the same seed, in order of seeds. */
export const pairsOf = (
  first: ReadonlyArray<CellResult>,
  second: ReadonlyArray<CellResult>,
): ReadonlyArray<readonly [CellResult, CellResult]> =>
  first
    .flatMap((one): ReadonlyArray<readonly [CellResult, CellResult]> => {
      const other = second.find(({ seed }) => seed === one.seed);
      return other === undefined ? [] : [[one, other]];
    })
    .toSorted(([a], [b]) => a.seed - b.seed);

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** By how much the first variant succeeds more often than the second. */
export const differenceOf = (
  first: ReadonlyArray<CellResult>,
  second: ReadonlyArray<CellResult>,
  measure: Measure,
): Difference => {
  const measured = pairsOf(first, second).flatMap(([one, other]) => {
    const [a, b] = [successBy(one.curve, measure), successBy(other.curve, measure)];
    return a === undefined || b === undefined ? [] : [{ seed: one.seed, value: a - b }];
  });
  const values = measured.map(({ value }) => value);
  const interval =
    values.length === 0 ? { median: null, low: null, high: null } : medianInterval(values);
  return { seeds: measured.map(({ seed }) => seed), values, ...interval };
};

/** The logarithm of a quotient of counts of which each may only be known to be larger. 0/0 says nothing. */
const logRatio = (
  above: { readonly count: number; readonly censored: boolean },
  below: { readonly count: number; readonly censored: boolean },
): Bounds => {
  const quotient = Math.log(above.count / below.count);
  const known = Number.isNaN(quotient) ? undefined : quotient;
  return {
    low: below.censored ? -Infinity : (known ?? -Infinity),
    high: above.censored ? Infinity : (known ?? Infinity),
  };
};

/**
 * How many times as many interactions or updates the second variant needs to a threshold as the first. Medians are taken
 * of logarithms, so that swapping the variants gives the reciprocal.
 */
export const ratioOf = (
  first: ReadonlyArray<CellResult>,
  second: ReadonlyArray<CellResult>,
  threshold: number,
  axis: Ratio["axis"],
): Ratio => {
  const pairs = pairsOf(first, second);
  const counted = (cell: CellResult) => {
    const crossing = crossingOf(cell.curve, threshold);
    return { count: crossing[axis], censored: crossing._tag === "Censored" };
  };
  const logs = pairs.map(([one, other]) => logRatio(counted(other), counted(one)));
  const back = ({ low, high }: Bounds) => ({ low: Math.exp(low), high: finite(Math.exp(high)) });
  const seeds = pairs.map(([{ seed }]) => seed);
  const values = logs.map(back);
  if (logs.length === 0) {
    return { threshold, axis, seeds, values, median: null, low: null, high: null };
  }
  const interval = boundedMedianInterval(logs);
  return { threshold, axis, seeds, values, median: back(interval.median), ...back(interval) };
};
