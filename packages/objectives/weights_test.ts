import { assert, describe, it } from "vitest";
import { successRateWeights } from "./weights.ts";

const batch = (k: number, N: number): ReadonlyArray<boolean> =>
  Array.from({ length: N }, (_, i) => i < k);

describe("successRateWeights()", () => {
  it("gives the values of the reference implementation for batches of 32", () => {
    const cases = [
      { k: 1, success: 16, failure: 0.516129 },
      { k: 4, success: 4, failure: 0.571429 },
      { k: 16, success: 1, failure: 1 },
    ];
    for (const { k, success, failure } of cases) {
      const weights = successRateWeights(batch(k, 32));
      assert.closeTo(weights[0] as number, success, 1e-5);
      assert.closeTo(weights[31] as number, failure, 1e-5);
    }
  });

  it("gives successes together and failures together the same weight", () => {
    for (let k = 1; k < 10; k++) {
      const weights = successRateWeights(batch(k, 10));
      const successes = weights.subarray(0, k).reduce((a, b) => a + b, 0);
      assert.closeTo(successes, 5, 1e-12);
      assert.closeTo(
        weights.reduce((a, b) => a + b, 0),
        10,
        1e-12,
      );
    }
  });

  it("gives 1 to everyone when all samples agree, and for a single sample", () => {
    for (const successes of [batch(0, 4), batch(4, 4), batch(0, 1), batch(1, 1)]) {
      assert.deepStrictEqual(
        Array.from(successRateWeights(successes)),
        successes.map(() => 1),
      );
    }
    assert.strictEqual(successRateWeights([]).length, 0);
  });
});
