/** What a run has measured so far, and stretches of it: all that detectors look at. */
import type { Metrics } from "../metrics.ts";
import type { CurvePoint } from "../summary.ts";

/** The metrics of one inner update; `update` is how many were done after it, as evaluations count. */
export interface UpdateRow {
  readonly update: number;
  readonly metrics: Metrics;
}

/** Everything measured since the objective is what it is, in order. */
export interface RunHistory {
  readonly updates: ReadonlyArray<UpdateRow>;
  readonly evaluations: ReadonlyArray<CurvePoint>;
  /** Updates that the run is to make in all; absent where that is not known. */
  readonly planned?: number;
}

/** Updates that are looked at together: two batches of the paper's four updates each. */
export const WINDOW = 8;

/** Updates in a row, seen as a whole. Metrics that a row lacks, or that are no finite numbers, are NaN. */
export interface Stretch {
  readonly length: number;
  /** Whether a metric is there in every row and passes. */
  readonly every: (key: string, holds: (value: number) => boolean) => boolean;
  readonly has: (key: string) => boolean;
  /** Mean over the rows that have it; NaN where none has. */
  readonly mean: (key: string) => number;
  /** Of the last row; NaN where it has none. */
  readonly last: (key: string) => number;
  /** Sum over the rows that have it; 0 where none has. */
  readonly sum: (key: string) => number;
  /** Sums by what follows a prefix: `sums("parse/")` has `ok`. */
  readonly sums: (prefix: string) => ReadonlyMap<string, number>;
  /** A text of the last row that has one. */
  readonly text: (key: string) => string | undefined;
}

const numberOf = (value: number | string | undefined): number =>
  typeof value === "number" && Number.isFinite(value) ? value : Number.NaN;

const stretchOf = (rows: ReadonlyArray<UpdateRow>): Stretch => {
  const values = (key: string) => rows.map(({ metrics }) => numberOf(metrics[key]));
  const known = (key: string) => values(key).filter((value) => !Number.isNaN(value));
  const sum = (key: string) => known(key).reduce((total, value) => total + value, 0);
  return {
    length: rows.length,
    every: (key, holds) => values(key).every((value) => !Number.isNaN(value) && holds(value)),
    has: (key) => known(key).length > 0,
    mean: (key) => sum(key) / known(key).length,
    last: (key) => values(key).at(-1) ?? Number.NaN,
    sum,
    sums: (prefix) => {
      const keys = new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)));
      return new Map(
        [...keys]
          .filter((key) => key.startsWith(prefix))
          .map((key) => [key.slice(prefix.length), sum(key)]),
      );
    },
    text: (key) => {
      const found = rows.findLast(({ metrics }) => typeof metrics[key] === "string");
      return found === undefined ? undefined : String(found.metrics[key]);
    },
  };
};

/** The last updates; undefined while there are too few to judge by. */
export const lately = ({ updates }: RunHistory): Stretch | undefined =>
  updates.length < WINDOW ? undefined : stretchOf(updates.slice(-WINDOW));

/** The first updates, for comparison; undefined while the last ones are not apart from them. */
export const atFirst = ({ updates }: RunHistory): Stretch | undefined =>
  updates.length < 2 * WINDOW ? undefined : stretchOf(updates.slice(0, WINDOW));

/** The last updates before an evaluation; undefined where there are too few. */
export const before = ({ updates }: RunHistory, evaluation: CurvePoint): Stretch | undefined => {
  const earlier = updates.filter(({ update }) => update <= evaluation.update).slice(-WINDOW);
  return earlier.length === 0 ? undefined : stretchOf(earlier);
};

/** Attempts of a stretch, by why they teach or do not. */
export const signals = (stretch: Stretch) => {
  const reasons = stretch.sums("signal/");
  const all = [...reasons.values()].reduce((sum, count) => sum + count, 0);
  const silent = [...reasons]
    .filter(([reason]) => reason.startsWith("none:"))
    .reduce((sum, [, count]) => sum + count, 0);
  return { reasons, all, silent, byReward: reasons.get("reward") ?? 0 };
};

/** Most tasks are solved: what would be a fault elsewhere is the end of learning. */
export const isSolving = (stretch: Stretch): boolean => stretch.mean("train/success") >= 0.9;

/** The standard error of a share of independent attempts, at its largest. */
const shareError = (attempts: number): number => 0.5 / Math.sqrt(Math.max(1, attempts));

/** Whether success is clearly higher than at first: of the attempts of training, or of the held-out ones. */
export const hasRisen = (history: RunHistory): boolean => {
  const [first, last] = [atFirst(history), lately(history)];
  if (first === undefined || last === undefined) return false;
  const noise = 2 * Math.hypot(shareError(signals(first).all), shareError(signals(last).all));
  const gain = last.mean("train/success") - first.mean("train/success");
  const student = history.evaluations.map((point) => point.student);
  const [start, end] = [student[0], student.at(-1)];
  const heldOut =
    start !== undefined &&
    end !== undefined &&
    end.perTask - start.perTask > 0.05 + 2 * Math.hypot(start.perTaskStderr, end.perTaskStderr);
  return heldOut || gain > Math.max(0.05, noise);
};
