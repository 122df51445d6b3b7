/** From cells to what they say: medians, crossings, pairs and verdicts. compare.json holds the whole of it. */
import { Schema } from "effect";
import { LEVEL, medianInterval, medianOf } from "./bootstrap.ts";
import { CellFailure, CellResult, finalPoint, trainingSeconds } from "./cell_result.ts";
import type { Conducted } from "./conduct.ts";
import { Crossing, crossingOf } from "./crossing.ts";
import { fairnessNotes } from "./fairness.ts";
import { Difference, Ratio, differenceOf, ratioOf } from "./pair.ts";
import type { Matrix } from "./read_matrix.ts";
import { successBy } from "./success.ts";
import { SweepOutcome } from "./sweep.ts";
import { Verdict, judge } from "./verdict.ts";

const Spread = Schema.Struct({
  median: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
});
export type Spread = typeof Spread.Type;

const Cost = Schema.Struct({
  /** All medians over seeds. */
  wallSeconds: Schema.Finite,
  trainingSeconds: Schema.Finite,
  updates: Schema.Finite,
  interactions: Schema.Finite,
  modelCalls: Schema.Finite,
  generatedTokens: Schema.Finite,
  /** Of those, what evaluation asked for; no method is charged for being measured. */
  evaluationCalls: Schema.Finite,
  evaluationTokens: Schema.Finite,
});
export type Cost = typeof Cost.Type;

/** One variant over its seeds. */
export const VariantSummary = Schema.Struct({
  name: Schema.String,
  seeds: Schema.Array(Schema.Int),
  /** The setting that its sweep chose. */
  setting: Schema.optionalKey(Schema.String),
  /** Success at the end and at the best evaluation; absent where no cell finished. */
  final: Schema.optionalKey(Spread),
  best: Schema.optionalKey(Spread),
  crossings: Schema.Array(
    Schema.Struct({
      threshold: Schema.Finite,
      /** One a seed, in order of `seeds`. */
      values: Schema.Array(Crossing),
      /** Median interactions and updates; null where half of the seeds or more never got there. */
      interactions: Schema.NullOr(Schema.Finite),
      updates: Schema.NullOr(Schema.Finite),
    }),
  ),
  cost: Schema.optionalKey(Cost),
  /** Values of the configuration that other variants have otherwise, by dotted path. */
  values: Schema.Record(Schema.String, Schema.String),
});
export type VariantSummary = typeof VariantSummary.Type;

/** Two variants, `first` before `second` in the matrix. */
export const PairSummary = Schema.Struct({
  first: Schema.String,
  second: Schema.String,
  /** Success at the end: first minus second. */
  final: Difference,
  /** Second over first. */
  ratios: Schema.Array(Ratio),
});
export type PairSummary = typeof PairSummary.Type;

/** Everything that a comparison came to. */
export const Comparison = Schema.Struct({
  version: Schema.Literal(1),
  title: Schema.String,
  matrix: Schema.String,
  seeds: Schema.Array(Schema.Int),
  thresholds: Schema.Array(Schema.Finite),
  /** Level of all intervals: percentiles of the bootstrap of a median over seeds. */
  level: Schema.Finite,
  variants: Schema.Array(VariantSummary),
  pairs: Schema.Array(PairSummary),
  claims: Schema.Array(Verdict),
  sweeps: Schema.Array(SweepOutcome),
  /** What a reader has to know before believing any of it. */
  notes: Schema.Array(Schema.String),
  cells: Schema.Array(CellResult),
  tuning: Schema.Array(CellResult),
  failures: Schema.Array(CellFailure),
});
export type Comparison = typeof Comparison.Type;

const sum = (costs: Readonly<Record<string, number>>): number =>
  Object.values(costs).reduce((all, one) => all + one, 0);

const costOf = (cells: ReadonlyArray<CellResult>): Cost => {
  const median = (read: (cell: CellResult) => number) => medianOf(cells.map(read));
  return {
    wallSeconds: median(({ cost }) => cost.wallSeconds),
    trainingSeconds: median(trainingSeconds),
    updates: median((cell) => finalPoint(cell).updates),
    interactions: median((cell) => finalPoint(cell).interactions),
    modelCalls: median(({ cost }) => sum(cost.modelCalls)),
    generatedTokens: median(({ cost }) => sum(cost.generatedTokens)),
    evaluationCalls: median(({ cost }) => cost.modelCalls["evaluate"] ?? 0),
    evaluationTokens: median(({ cost }) => cost.generatedTokens["evaluate"] ?? 0),
  };
};

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

const crossingsOf = (
  cells: ReadonlyArray<CellResult>,
  threshold: number,
): VariantSummary["crossings"][number] => {
  const values = cells.map(({ curve }) => crossingOf(curve, threshold));
  const median = (axis: "interactions" | "updates") =>
    finiteOrNull(medianOf(values.map((one) => (one._tag === "Reached" ? one[axis] : Infinity))));
  return { threshold, values, interactions: median("interactions"), updates: median("updates") };
};

/** Analyses the cells of a matrix. */
export const analyse = (matrix: Matrix, conducted: Conducted): Comparison => {
  const { thresholds, seeds } = matrix;
  const cellsOf = (name: string) => conducted.results.filter(({ variant }) => variant === name);
  const names = matrix.variants.map(({ name }) => name);
  const { values, notes } = fairnessNotes(matrix, conducted);

  const variants = names.map((name): VariantSummary => {
    const cells = cellsOf(name);
    const setting = conducted.settings[name];
    const success = (measure: "final" | "best") =>
      medianInterval(cells.flatMap(({ curve }) => successBy(curve, measure) ?? []));
    return {
      name,
      seeds: cells.map(({ seed }) => seed),
      ...(setting === undefined ? {} : { setting }),
      ...(cells.length === 0
        ? {}
        : { final: success("final"), best: success("best"), cost: costOf(cells) }),
      crossings: thresholds.map((threshold) => crossingsOf(cells, threshold)),
      values: values[name] ?? {},
    };
  });
  const pairs = names.flatMap((first, i) =>
    names.slice(i + 1).map((second): PairSummary => {
      const [a, b] = [cellsOf(first), cellsOf(second)];
      return {
        first,
        second,
        final: differenceOf(a, b, "final"),
        ratios: thresholds.flatMap((threshold) =>
          (["interactions", "updates"] as const).map((axis) => ratioOf(a, b, threshold, axis)),
        ),
      };
    }),
  );
  return {
    version: 1,
    title: matrix.title,
    matrix: matrix.file,
    seeds,
    thresholds,
    level: LEVEL,
    variants,
    pairs,
    claims: matrix.claims.map((claim) => judge(claim, cellsOf)),
    sweeps: conducted.sweeps,
    notes,
    cells: conducted.results,
    tuning: conducted.tuning,
    failures: conducted.failures,
  };
};
