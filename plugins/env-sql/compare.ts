/** Whether two results hold the same rows, and if not, what the difference is. */
import type { Cell, QueryResult } from "./database/open.ts";
import { rowText, rowsText } from "./result_text.ts";

type Row = ReadonlyArray<Cell>;
type Rows = Extract<QueryResult, { _tag: "rows" }>;

const SHOWN = 3;

/** Numbers with a fraction are as equal as two decimals make them, so that nobody has to round. */
const sameCell = (expected: Cell, got: Cell): boolean => {
  if (typeof expected !== "number" || typeof got !== "number") return expected === got;
  const tolerance = Number.isInteger(expected) && Number.isInteger(got) ? 0 : 0.00501;
  return Math.abs(expected - got) <= tolerance;
};

const sameRow = (expected: Row, got: Row): boolean =>
  expected.length === got.length && expected.every((cell, i) => sameCell(cell, got[i]!));

/** Rows of one list that have no partner of their own in the other, both ways. */
const unmatched = (expected: ReadonlyArray<Row>, got: ReadonlyArray<Row>) => {
  const extra = [...got];
  const missing = expected.filter((row) => {
    const at = extra.findIndex((other) => sameRow(row, other));
    if (at >= 0) extra.splice(at, 1);
    return at < 0;
  });
  return { missing, extra };
};

/**
 * What is wrong with a result, in words; undefined when it holds the expected rows, in their order if that was asked for.
 * Names of columns do not matter.
 */
export const difference = (expected: Rows, got: Rows, ordered: boolean): string | undefined => {
  const width = expected.columns.length;
  if (got.columns.length !== width) {
    return `Expected ${width} ${width === 1 ? "column" : "columns"}, got ${got.columns.length}.`;
  }
  const { missing, extra } = unmatched(expected.rows, got.rows);
  if (missing.length > 0 || extra.length > 0 || got.more) {
    const count = got.more ? `more than ${got.rows.length}` : got.rows.length;
    return [
      `Expected ${expected.rows.length} rows, got ${count}.`,
      ...(missing.length > 0 ? [`Missing: ${rowsText(missing, SHOWN)}.`] : []),
      ...(extra.length > 0 ? [`Not expected: ${rowsText(extra, SHOWN, got.more)}.`] : []),
    ].join(" ");
  }
  if (!ordered) return undefined;
  const at = expected.rows.findIndex((row, i) => !sameRow(row, got.rows[i]!));
  return at < 0
    ? undefined
    : `The rows are right, their order is not: expected ${rowText(expected.rows[at]!)} in place ${at + 1}, got ${rowText(got.rows[at]!)}.`;
};
