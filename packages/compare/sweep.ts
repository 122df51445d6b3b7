/** Which setting of a sweep the cells of the comparison use. */
import { Schema } from "effect";
import { medianOf } from "./bootstrap.ts";
import { type CellFailure, type CellResult, finalPoint } from "./cell_result.ts";
import { crossingOf } from "./crossing.ts";

/** What a setting came to on the tuning seeds. */
export const TriedSetting = Schema.Struct({
  setting: Schema.Int,
  text: Schema.String,
  /** Interactions to the tuning threshold, seed by seed; null where it was not reached. */
  interactions: Schema.Array(Schema.NullOr(Schema.Finite)),
  /** Median of them; null when half of the seeds or more did not get there. */
  medianInteractions: Schema.NullOr(Schema.Finite),
  /** Median success at the end. */
  medianFinal: Schema.Finite,
  /** Why the setting is out, if a cell of it failed. */
  failed: Schema.optionalKey(Schema.String),
});
export type TriedSetting = typeof TriedSetting.Type;

/** A sweep with its outcome. */
export const SweepOutcome = Schema.Struct({
  variant: Schema.String,
  seeds: Schema.Array(Schema.Int),
  threshold: Schema.Finite,
  tried: Schema.Array(TriedSetting),
  /** The setting that was chosen, by place in the list; null when every one failed. */
  chosen: Schema.NullOr(Schema.Int),
});
export type SweepOutcome = typeof SweepOutcome.Type;

const weigh = (
  setting: number,
  text: string,
  cells: ReadonlyArray<CellResult>,
  failures: ReadonlyArray<CellFailure>,
  threshold: number,
): TriedSetting => {
  const crossings = cells.map(({ curve }) => crossingOf(curve, threshold));
  const median = medianOf(
    crossings.map((one) => (one._tag === "Reached" ? one.interactions : Infinity)),
  );
  const [failure] = failures;
  return {
    setting,
    text,
    interactions: crossings.map((one) => (one._tag === "Reached" ? one.interactions : null)),
    medianInteractions: Number.isFinite(median) ? median : null,
    medianFinal: cells.length === 0 ? 0 : medianOf(cells.map((cell) => finalPoint(cell).success)),
    ...(failure === undefined ? {} : { failed: failure.message }),
  };
};

/** The better of two settings comes first: fewer interactions, else the higher final success. */
const order = (a: TriedSetting, b: TriedSetting): number => {
  const [x, y] = [a.medianInteractions ?? Infinity, b.medianInteractions ?? Infinity];
  return x === y ? b.medianFinal - a.medianFinal : x < y ? -1 : 1;
};

/**
 * Chooses the setting with the fewest interactions to the threshold in the median of the tuning seeds. Settings with
 * which half of the seeds do not get there come after all others, by their final success. Of equals the first wins; a
 * setting of which a cell failed is out.
 */
export const chooseSetting = (
  sweep: {
    readonly variant: string;
    readonly seeds: ReadonlyArray<number>;
    readonly threshold: number;
    /** What each setting is called. */
    readonly texts: ReadonlyArray<string>;
  },
  cells: ReadonlyArray<CellResult>,
  failures: ReadonlyArray<CellFailure>,
): SweepOutcome => {
  const { variant, seeds, threshold, texts } = sweep;
  const of = <A extends CellResult | CellFailure>(all: ReadonlyArray<A>, setting: number) =>
    all.filter(({ role }) => role._tag === "Tuning" && role.setting === setting);
  const tried = texts.map((text, setting) =>
    weigh(setting, text, of(cells, setting), of(failures, setting), threshold),
  );
  const [best] = tried.filter(({ failed }) => failed === undefined).toSorted(order);
  return { variant, seeds, threshold, tried, chosen: best?.setting ?? null };
};
