import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { differenceEstimate, meanOf, shareEstimate, standardError } from "./interval.ts";

describe("standardError", () => {
  it("standardError() is the spread of the values over the root of their number", () => {
    // Values 1 2 3 4: variance 5/3, so √(5/3/4).
    assert.closeTo(standardError([1, 2, 3, 4]), Math.sqrt(5 / 12), 1e-12);
    assert.strictEqual(standardError([0.3, 0.3, 0.3]), 0);
    assert.strictEqual(standardError([1]), 0);
  });
});

describe("shareEstimate", () => {
  it("shareEstimate() is Wilson's interval of the attempts, when tasks have one attempt each", () => {
    // 7 of 20: Wilson 95 % is (0.1812, 0.5671); the spread between tasks is worth 19 attempts, one less.
    const values = Array.from({ length: 20 }, (_, i) => (i < 7 ? 1 : 0));
    const { value, low, high } = shareEstimate(values, 20);
    assert.closeTo(value, 0.35, 1e-12);
    assert.closeTo(low, 0.1812, 0.01);
    assert.closeTo(high, 0.5671, 0.01);
  });

  it("shareEstimate() has a width when all tasks agree, and stays in [0, 1] around its value", () => {
    const random = makeRandom("shares");
    for (const end of [0, 1]) {
      const { low, high } = shareEstimate(Array(64).fill(end), 256);
      assert.strictEqual(end === 0 ? low : high, end);
      assert.closeTo(high - low, 0.0567, 1e-3); // z²/(64 + z²)
    }
    for (let round = 0; round < 300; round++) {
      const values = Array.from({ length: 1 + random.int(30) }, () =>
        random.next() < 0.5 ? random.int(2) : random.int(5) / 4,
      );
      const { value, low, high } = shareEstimate(values, values.length * 4);
      assert.isTrue(0 <= low && low <= value && value <= high && high <= 1, `${values}`);
    }
  });

  it("shareEstimate() is wider when samples of a task agree than when they are independent", () => {
    const alike = [1, 1, 1, 1, 0, 0, 0, 0];
    const apart = [0.5, 0.5, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25];
    const width = ({ low, high }: { low: number; high: number }) => high - low;
    assert.isAbove(width(shareEstimate(alike, 32)), 1.5 * width(shareEstimate(apart, 32)));
  });

  it("shareEstimate() covers the truth about as often as it says, samples of a task being alike", () => {
    const random = makeRandom("coverage");
    let covered = 0;
    const rounds = 2000;
    for (let round = 0; round < rounds; round++) {
      // Half of the tasks are hard (10 %), half are easy (70 %): the mean is 40 %.
      const values = Array.from({ length: 40 }, () => {
        const chance = random.next() < 0.5 ? 0.1 : 0.7;
        return meanOf(Array.from({ length: 4 }, () => (random.next() < chance ? 1 : 0)));
      });
      const { low, high } = shareEstimate(values, 160);
      if (low <= 0.4 && 0.4 <= high) covered++;
    }
    assert.closeTo(covered / rounds, 0.95, 0.02);
  });

  it("shareEstimate() knows nothing of no task", () => {
    const { value, low, high } = shareEstimate([], 0);
    assert.isNaN(value);
    assert.deepEqual([low, high], [0, 1]);
  });
});

describe("differenceEstimate", () => {
  it("differenceEstimate() is the mean of the differences with Student's interval", () => {
    // t at 9 degrees of freedom is 2.2622, at 2 it is 4.3027 (here 3 % less).
    const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const { value, low, high } = differenceEstimate(ten);
    assert.strictEqual(value, 5.5);
    assert.closeTo((high - low) / 2 / standardError(ten), 2.2622, 1e-3);
    assert.closeTo(high - value, value - low, 1e-12);
    const three = differenceEstimate([0, 1, 2]);
    assert.closeTo((three.high - 1) / standardError([0, 1, 2]), 4.3027, 0.13);
  });

  it("differenceEstimate() is sure of nothing with one task", () => {
    assert.deepEqual(differenceEstimate([0.5]), { value: 0.5, low: -Infinity, high: Infinity });
  });
});
