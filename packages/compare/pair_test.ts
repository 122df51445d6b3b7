import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { madeUpCell } from "./_made_up.ts";
import type { CellResult } from "./cell_result.ts";
import { differenceOf, pairsOf, ratioOf } from "./pair.ts";

/** Cells of one variant that reach 0.5 at these updates (multiples of 4, null: never within 40). */
const reaching = (variant: string, updates: ReadonlyArray<number | null>, rollouts = 1) =>
  updates.map((when, i): CellResult => {
    const successes = Array.from({ length: 11 }, (_, k) =>
      when !== null && 4 * k >= when ? 0.5 : 0,
    );
    return madeUpCell(variant, i + 1, successes, { rollouts });
  });

const ending = (variant: string, finals: ReadonlyArray<number>) =>
  finals.map((final, i) => madeUpCell(variant, i + 1, [0, final]));

describe("pairsOf()", () => {
  it("pairsOf() keeps the seeds that both have, in their order", () => {
    const [a, b] = [ending("a", [1, 1, 1]), ending("b", [1, 1, 1])];
    const pairs = pairsOf([a[2]!, a[0]!], [b[0]!, b[1]!, b[2]!]);
    assert.deepEqual(
      pairs.map(([one, other]) => [one.seed, other.seed]),
      [
        [1, 1],
        [3, 3],
      ],
    );
  });
});

describe("differenceOf()", () => {
  it("differenceOf() is that of seeds, not of medians", () => {
    const difference = differenceOf(
      ending("a", [0.9, 0.5, 0.7, 0.6, 0.8]),
      ending("b", [0.8, 0.4, 0.6, 0.5, 0.9]),
      "final",
    );
    assert.closeTo(difference.median!, 0.1, 1e-12);
    assert.closeTo(difference.low!, -0.1, 1e-12);
    assert.closeTo(difference.high!, 0.1, 1e-12);
    assert.deepEqual(difference.seeds, [1, 2, 3, 4, 5]);
  });

  it("differenceOf() says nothing without a seed in common", () => {
    const difference = differenceOf(ending("a", [0.9]), [], "final");
    assert.deepEqual(difference, { seeds: [], values: [], median: null, low: null, high: null });
  });

  it("differenceOf() is narrow where seeds move both variants alike", () => {
    const random = makeRandom("paired");
    let narrower = 0;
    for (let i = 0; i < 100; i++) {
      const luck = Array.from({ length: 5 }, () => 0.5 + 0.1 * random.normal());
      const noise = () => 0.01 * random.normal();
      const a = luck.map((one) => one + 0.05 + noise());
      const b = luck.map((one) => one + noise());
      const { low, high } = differenceOf(ending("a", a), ending("b", b), "final");
      const unpaired = Math.max(...a) - Math.min(...b) - (Math.min(...a) - Math.max(...b));
      if (high! - low! < unpaired / 2) narrower++;
    }
    assert.isAbove(narrower, 90);
  });
});

describe("ratioOf()", () => {
  it("ratioOf() divides seed by seed and takes the median", () => {
    // 8 times the episodes an update; crossings at 4, 8, 12 against 8, 8, 36 updates.
    const ratio = ratioOf(
      reaching("a", [4, 8, 12]),
      reaching("b", [8, 8, 36], 8),
      0.5,
      "interactions",
    );
    assert.deepEqual(
      ratio.values.map(({ low }) => Math.round(low)),
      [16, 8, 24],
    );
    assert.closeTo(ratio.median!.low, 16, 1e-9);
    assert.closeTo(ratio.median!.high!, 16, 1e-9);
    assert.closeTo(ratio.low!, 8, 1e-9);
    assert.closeTo(ratio.high!, 24, 1e-9);
  });

  it("ratioOf() swapped is the reciprocal, for even numbers of seeds too", () => {
    const [a, b] = [reaching("a", [4, 8, 12, 16]), reaching("b", [8, 12, 40, 8])];
    const there = ratioOf(a, b, 0.5, "updates");
    const back = ratioOf(b, a, 0.5, "updates");
    assert.closeTo(there.median!.low * back.median!.low, 1, 1e-9);
    assert.closeTo(there.low! * back.high!, 1, 1e-9);
  });

  it("ratioOf() is a lower bound where the second variant never got there", () => {
    const ratio = ratioOf(
      reaching("a", [4, 4, 4, 4, 4]),
      reaching("b", [8, null, null, null, 20]),
      0.5,
      "updates",
    );
    // Budgets of 40 updates: at least 10 times.
    assert.deepEqual(ratio.values[1], { low: Math.exp(Math.log(10)), high: null });
    assert.closeTo(ratio.median!.low, 10, 1e-9);
    assert.isNull(ratio.median!.high);
    assert.closeTo(ratio.low!, 2, 1e-9);
    assert.isNull(ratio.high);
  });

  it("ratioOf() knows the median while fewer than half of the seeds are censored", () => {
    const ratio = ratioOf(
      reaching("a", [4, 4, 4, 4, 4]),
      reaching("b", [8, 12, 16, null, null]),
      0.5,
      "updates",
    );
    assert.closeTo(ratio.median!.low, 4, 1e-9);
    assert.closeTo(ratio.median!.high!, 4, 1e-9);
    assert.isNull(ratio.high);
  });

  it("ratioOf() is an upper bound where the first variant never got there, and nothing where neither did", () => {
    const upper = ratioOf(reaching("a", [null]), reaching("b", [8]), 0.5, "updates");
    assert.strictEqual(upper.values[0]!.low, 0);
    assert.closeTo(upper.values[0]!.high!, 0.2, 1e-9);
    const nothing = ratioOf(reaching("a", [null]), reaching("b", [null]), 0.5, "updates");
    assert.deepEqual(nothing.values, [{ low: 0, high: null }]);
  });
});
