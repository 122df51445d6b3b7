import { assert, describe, it } from "vitest";
import { groupAdvantages } from "./advantages.ts";
import { ObjectiveError } from "./error.ts";

describe("groupAdvantages()", () => {
  it("standardises within each group with the unbiased deviation", () => {
    const A = groupAdvantages([1, 5, 0, 5, 0, 5], ["a", "b", "a", "b", "a", "b"]);
    const deviation = Math.sqrt(1 / 3); // rewards 1, 0, 0
    assert.closeTo(A[0] as number, 2 / 3 / (deviation + 1e-6), 1e-12);
    assert.closeTo(A[2] as number, -1 / 3 / (deviation + 1e-6), 1e-12);
    assert.deepStrictEqual([A[1], A[3], A[5]], [0, 0, 0]);
  });

  it("leaves the reward of a group of one, and does not divide when told so", () => {
    assert.closeTo(groupAdvantages([0.5], ["a"])[0] as number, 0.5 / (1 + 1e-6), 1e-12);
    assert.deepStrictEqual(Array.from(groupAdvantages([1, 0], ["a", "a"], false)), [0.5, -0.5]);
  });

  it("refuses rewards without group names", () => {
    assert.throws(() => groupAdvantages([1, 2], ["a"]), ObjectiveError);
  });
});
