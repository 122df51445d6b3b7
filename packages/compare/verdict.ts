/** Claims against cells: each holds, is reversed, or stays undecided. */
import { Schema } from "effect";
import type { CellResult } from "./cell_result.ts";
import type { Claim } from "./matrix.ts";
import { type Difference, type Ratio, differenceOf, ratioOf } from "./pair.ts";
import { measureText } from "./success.ts";
import { pointsText, ratioText } from "./wording.ts";

/** What the cells say of a claim. */
export const Verdict = Schema.Struct({
  text: Schema.String,
  source: Schema.optionalKey(Schema.String),
  /** `holds`: the whole interval is on its side; `reversed`: the whole interval is on the other. */
  verdict: Schema.Literals(["holds", "reversed", "undecided"]),
  /** Numbers in words. */
  evidence: Schema.String,
  /** Pairs of cells behind it. */
  seeds: Schema.Int,
});
export type Verdict = typeof Verdict.Type;

/**
 * Pairs below which nothing is decided: the interval of four would leave out the truth in every eighth experiment.
 */
export const FEWEST_PAIRS = 5;

interface Ends {
  readonly low: number | null;
  readonly high: number | null;
}

/** Where an interval lies beside a value; unknown ends decide nothing. */
const beside = ({ low, high }: Ends, value: number, pairs: number): Verdict["verdict"] => {
  if (pairs < FEWEST_PAIRS) return "undecided";
  if (low !== null && low > value) return "holds";
  return high !== null && high < value ? "reversed" : "undecided";
};

const enough = (pairs: number): string =>
  pairs === 0
    ? "; no pair of cells was measured"
    : pairs < FEWEST_PAIRS
      ? `; ${FEWEST_PAIRS} pairs are needed to decide`
      : "";

const differenceText = (names: readonly [string, string], difference: Difference): string =>
  `${names[0]} − ${names[1]}: ${pointsText(difference)}`;

/** Cells by the name of their variant. */
export type CellsOf = (variant: string) => ReadonlyArray<CellResult>;

type About = Pick<Verdict, "text" | "source">;

const above = (
  about: About,
  names: readonly [string, string],
  measure: Parameters<typeof differenceOf>[2],
  cellsOf: CellsOf,
): Verdict => {
  const difference = differenceOf(cellsOf(names[0]), cellsOf(names[1]), measure);
  const seeds = difference.seeds.length;
  return {
    ...about,
    verdict: beside(difference, 0, seeds),
    evidence: `${differenceText(names, difference)} ${measureText(measure)}${enough(seeds)}`,
    seeds,
  };
};

const recovers = (
  about: About,
  claim: Extract<Claim, { readonly recovers: unknown }>,
  cellsOf: CellsOf,
): Verdict => {
  const [better, worse, level] = claim.recovers;
  const { measure, margin } = claim;
  const gain = differenceOf(cellsOf(better), cellsOf(worse), measure);
  const gap = differenceOf(cellsOf(better), cellsOf(level), measure);
  const seeds = Math.min(gain.seeds.length, gap.seeds.length);
  const parts = [beside(gain, 0, seeds), beside(gap, -margin, seeds)];
  return {
    ...about,
    verdict: parts.includes("reversed")
      ? "reversed"
      : parts.includes("undecided")
        ? "undecided"
        : "holds",
    evidence: `${differenceText([better, worse], gain)}, ${differenceText([better, level], gap)} (margin ${margin * 100} points), ${measureText(measure)}${enough(seeds)}`,
    seeds,
  };
};

const faster = (
  about: About,
  claim: Extract<Claim, { readonly faster: unknown }>,
  cellsOf: CellsOf,
): Verdict => {
  const [quick, slow] = claim.faster;
  const ratio: Ratio = ratioOf(cellsOf(quick), cellsOf(slow), claim.to, claim.in);
  const seeds = ratio.seeds.length;
  return {
    ...about,
    verdict: beside(ratio, claim.times, seeds),
    evidence: `${slow} needs ${ratioText(ratio)} the ${claim.in} of ${quick} to ${claim.to * 100} %${enough(seeds)}`,
    seeds,
  };
};

/** Decides a claim, as far as the intervals do. */
export const judge = (claim: Claim, cellsOf: CellsOf): Verdict => {
  const about: About = {
    text: claim.text,
    ...(claim.source === undefined ? {} : { source: claim.source }),
  };
  if ("above" in claim) return above(about, claim.above, claim.measure, cellsOf);
  if ("degrades" in claim) {
    const [worse, better] = claim.degrades;
    return above(about, [better, worse], claim.measure, cellsOf);
  }
  return "recovers" in claim ? recovers(about, claim, cellsOf) : faster(about, claim, cellsOf);
};
