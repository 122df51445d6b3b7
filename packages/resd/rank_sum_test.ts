import { makeRandom } from "@resd/core";
import { evaluationAt } from "@resd/testing";
import { assert, describe, it } from "vitest";
import { RANKED, pickByRankSum, rankSums, ranks } from "./rank_sum.ts";

describe("ranks", () => {
  it("ranks() are places from the largest, shared by equal values", () => {
    assert.deepEqual(ranks([0.2, 0.9, 0.5, 0.5]), [4, 1, 2.5, 2.5]);
    assert.deepEqual(ranks([1, 1, 1]), [2, 2, 2]);
  });
});

describe("pickByRankSum", () => {
  it("pickByRankSum() takes the step that is good by all four measures, not the best by one", () => {
    const steps = [
      evaluationAt(0.1),
      evaluationAt(0.5, { perTask: 0.9 }),
      evaluationAt(0.8),
      evaluationAt(0.7),
    ];
    // Ranks by perTask: 4 1 2 3; by the other three: 4 3 1 2.
    assert.deepEqual(rankSums(steps), [16, 10, 5, 9]);
    assert.strictEqual(pickByRankSum(steps), 2);
  });

  it("pickByRankSum() takes the earliest of equals, and nothing of nothing", () => {
    assert.strictEqual(pickByRankSum([evaluationAt(0), evaluationAt(0.5), evaluationAt(0.5)]), 1);
    assert.isUndefined(pickByRankSum([]));
  });

  it("pickByRankSum() depends on the order of values alone, and never picks what another beats throughout", () => {
    const random = makeRandom("ranks");
    for (let round = 0; round < 200; round++) {
      const steps = Array.from({ length: 1 + random.int(12) }, () =>
        evaluationAt(0, Object.fromEntries(RANKED.map((measure) => [measure, random.int(6) / 5]))),
      );
      const picked = steps[pickByRankSum(steps)!]!;
      const stretched = steps.map((step) => ({
        ...step,
        ...Object.fromEntries(RANKED.map((measure) => [measure, step[measure] ** 3])),
      }));
      assert.strictEqual(pickByRankSum(stretched), steps.indexOf(picked));
      for (const other of steps) {
        assert.isFalse(RANKED.every((measure) => other[measure] > picked[measure]));
      }
    }
  });
});
