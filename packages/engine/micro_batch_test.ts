import { assert, describe, it } from "@effect/vitest";
import { makeRandom } from "@resd/core";
import { type MicroBatchItem, planEvenly, planMicroBatches, rowWidth } from "./micro_batch.ts";

const items = (seed: string, count: number): ReadonlyArray<MicroBatchItem> => {
  const random = makeRandom(seed);
  return Array.from({ length: count }, () => ({
    lengths: [1 + random.int(200), 1 + random.int(300)],
  }));
};

describe("planMicroBatches", () => {
  it("puts every item into exactly one group within the budget", () => {
    for (const [seed, count] of [
      ["a", 1],
      ["b", 7],
      ["c", 100],
    ] as const) {
      const list = items(seed, count);
      for (const plan of [planMicroBatches, planEvenly]) {
        const groups = plan(list, { tokens: 3000 });
        assert.deepStrictEqual(
          groups.flat().toSorted((a, b) => a - b),
          [...list.keys()],
        );
        for (const group of groups.filter(({ length }) => length > 1)) {
          const longest = [0, 1].map((i) => Math.max(...group.map((at) => list[at]!.lengths[i]!)));
          assert.isAtMost(group.length * rowWidth(longest), 3000);
        }
      }
    }
  });

  it("gives an item that exceeds the budget a group of its own", () => {
    const list = [{ lengths: [9000] }, { lengths: [10] }];
    assert.deepStrictEqual(planMicroBatches(list, { tokens: 100 }), [[1], [0]]);
    assert.deepStrictEqual(planMicroBatches([], { tokens: 100 }), []);
  });

  it("planEvenly() makes halves where the plain plan leaves a small rest", () => {
    const list = Array.from({ length: 16 }, () => ({ lengths: [64, 224] }));
    const budget = { tokens: 4096, step: 32 };
    const lengths = (groups: Array<Array<number>>) => groups.map(({ length }) => length);
    assert.deepStrictEqual(lengths(planMicroBatches(list, budget)), [12, 4]);
    assert.deepStrictEqual(lengths(planEvenly(list, budget)), [8, 8]);
  });
});
