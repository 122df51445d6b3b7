import { assert, describe, it } from "vitest";
import { plotShares } from "./plot.ts";

describe("plotShares", () => {
  it("plotShares() puts measured points at their place, with dots between them", () => {
    const student = {
      name: "student",
      mark: "●",
      points: [
        [0, 0],
        [10, 1],
      ] as const,
    };
    const teacher = {
      name: "teacher",
      mark: "○",
      points: [
        [0, 0.5],
        [10, 0.5],
      ] as const,
    };
    assert.deepEqual(plotShares([student, teacher], { width: 11, height: 5 }), [
      "100 % ┤         ·●",
      "      │       ··",
      " 50 % ┤○·········○",
      "      │  ··",
      "  0 % ┤●·",
      "      └───────────",
      "       0        10",
    ]);
  });

  it("plotShares() draws what there is of a single point or none", () => {
    const lines = plotShares([{ name: "a", mark: "●", points: [[0, 1]] }], { width: 4, height: 3 });
    assert.deepEqual(lines.slice(0, 3), ["100 % ┤●", " 50 % ┤", "  0 % ┤"]);
    assert.lengthOf(plotShares([], { width: 4, height: 3 }), 5);
  });
});
