import { assert, describe, it } from "vitest";
import { difference } from "./compare.ts";
import type { Cell } from "./database/open.ts";

const result = (rows: ReadonlyArray<ReadonlyArray<Cell>>, more = false) => ({
  _tag: "rows" as const,
  columns: (rows[0] ?? ["a"]).map((_, i) => `column ${i}`),
  rows,
  more,
});
const between = (
  expected: ReadonlyArray<ReadonlyArray<Cell>>,
  got: ReadonlyArray<ReadonlyArray<Cell>>,
  ordered = false,
) => difference(result(expected), result(got), ordered);

describe("difference()", () => {
  it("difference() is none for the same rows in any order, duplicates counted", () => {
    assert.isUndefined(between([["a"], ["b"], ["a"]], [["a"], ["a"], ["b"]]));
    assert.strictEqual(
      between([["a"], ["b"], ["a"]], [["a"], ["b"], ["b"]]),
      "Expected 3 rows, got 3. Missing: (a). Not expected: (b).",
    );
  });

  it("difference() compares numbers to two decimals, whole ones exactly, and nothing with another type", () => {
    assert.isUndefined(between([[1.23]], [[1.2349]]));
    assert.isUndefined(between([[2]], [[2.0001]]));
    assert.isDefined(between([[1.23]], [[1.24]]));
    assert.isDefined(between([[1000]], [[1001]]));
    assert.isDefined(between([[1]], [["1"]]));
    assert.isDefined(between([[0]], [[null]]));
    assert.isUndefined(between([[null]], [[null]]));
  });

  it("difference() looks at the order where it was asked for", () => {
    const rows = [
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ] as const;
    assert.isUndefined(between(rows, rows, true));
    assert.isUndefined(between(rows, rows.toReversed()));
    assert.strictEqual(
      between(rows, rows.toReversed(), true),
      "The rows are right, their order is not: expected (a, 1) in place 1, got (c, 3).",
    );
  });

  it("difference() names columns too few or too many, and shows a few rows of many", () => {
    assert.strictEqual(between([["a", 1]], [["a"]]), "Expected 2 columns, got 1.");
    const many = Array.from({ length: 9 }, (_, i) => [i]);
    assert.strictEqual(
      between(many, []),
      "Expected 9 rows, got 0. Missing: (0) (1) (2) and 6 more.",
    );
    assert.strictEqual(
      difference(result([[0]]), result(many, true), false),
      "Expected 1 rows, got more than 9. Not expected: (1) (2) (3) and at least 6 more.",
    );
  });
});
