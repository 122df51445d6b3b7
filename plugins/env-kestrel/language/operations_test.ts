import { assert, describe, it } from "vitest";
import {
  ARGUMENTS,
  GROUPS,
  OPERATIONS_OF,
  type Operation,
  type Port,
  applyOperation,
  groupOf,
  mnemonicsFor,
  takesArgument,
} from "./operations.ts";

const effects: ReadonlyArray<readonly [Exclude<Operation, Port>, number, number, number]> = [
  ["add", 8, 7, 5],
  ["subtract", 2, 3, 9],
  ["multiply", 7, 7, 9],
  ["subtract-from", 9, 2, 3],
  ["at-least", 2, 4, 4],
  ["at-least", 9, 4, 9],
  ["at-most", 2, 4, 2],
  ["at-most", 9, 4, 4],
  ["distance", 1, 7, 6],
  ["distance", 9, 7, 2],
  ["average", 4, 3, 3],
  ["double", 7, 0, 4],
  ["halve", 9, 0, 4],
  ["flip", 0, 0, 9],
  ["square", 8, 0, 4],
];

describe("applyOperation", () => {
  it.each(effects)(
    "applyOperation() makes %s of %i with %i into %i",
    (operation, value, argument, after) => {
      assert.strictEqual(applyOperation(operation, value, argument), after);
    },
  );

  it("applyOperation() keeps the register a digit, for every operation, digit and argument", () => {
    for (const group of GROUPS) {
      if (group === "port") continue;
      for (const operation of OPERATIONS_OF[group]) {
        for (let value = 0; value < 10; value++) {
          for (const argument of ARGUMENTS) {
            const after = applyOperation(operation, value, argument);
            assert.isTrue(Number.isInteger(after) && after >= 0 && after <= 9);
            assert.isFalse(Object.is(after, -0));
          }
        }
      }
    }
  });

  it("applyOperation() tells the operations of a group apart on some digit, so that all can be found out", () => {
    for (const group of GROUPS) {
      if (group === "port") continue;
      const tables = OPERATIONS_OF[group].map((operation) =>
        ARGUMENTS.flatMap((argument) =>
          Array.from({ length: 10 }, (_, value) => applyOperation(operation, value, argument)),
        ).join(""),
      );
      assert.strictEqual(new Set(tables).size, 4);
    }
  });
});

describe("groups", () => {
  it("groupOf() knows operations and mnemonics, and takesArgument() splits the groups in two", () => {
    assert.strictEqual(groupOf("average"), "comparison");
    assert.strictEqual(groupOf("SUD"), "transform");
    assert.deepStrictEqual(GROUPS.map(takesArgument), [true, true, false, false]);
    assert.deepStrictEqual([...mnemonicsFor("radio")], ["OUX", "WYN", "DAB", "FIG"]);
  });
});
