import { type Random, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { boundedMedianInterval, medianInterval, medianOf, resampledMedians } from "./bootstrap.ts";

const draw = (n: number, one: () => number): ReadonlyArray<number> =>
  Array.from({ length: n }, one);

/** Share of experiments whose interval holds the true median. */
const coverage = (
  n: number,
  experiments: number,
  truth: number,
  value: (random: Random) => number,
): number => {
  const random = makeRandom("coverage", n, truth);
  const held = draw(experiments, () => {
    const { low, high } = medianInterval(draw(n, () => value(random)));
    return low <= truth && truth <= high ? 1 : 0;
  });
  return held.reduce((sum, one) => sum + one, 0) / experiments;
};

/** Distributions with their medians: even, skewed, with heavy tails. */
const distributions: ReadonlyArray<
  readonly [name: string, median: number, value: (random: Random) => number]
> = [
  ["normal", 0, (random) => random.normal()],
  ["lognormal", 1, (random) => Math.exp(random.normal())],
  ["Cauchy", 0, (random) => Math.tan(Math.PI * (random.next() - 0.5))],
];

describe("resampledMedians()", () => {
  it("resampledMedians() are all that there are", () => {
    for (const n of [1, 2, 3, 4, 5, 8, 11, 20]) {
      const medians = resampledMedians(n);
      const total = medians.reduce((sum, { probability }) => sum + probability, 0);
      assert.closeTo(total, 1, 1e-12, `${n}`);
      assert.isTrue(
        medians.every(({ probability }) => probability >= -1e-15),
        `${n}`,
      );
    }
  });

  it("resampledMedians() are as likely as in all 5⁵ and 4⁴ resamples", () => {
    for (const n of [4, 5]) {
      const counts = new Map<string, number>();
      const resamples = n ** n;
      for (let code = 0; code < resamples; code++) {
        const ranks = draw(n, () => 0)
          .map((_, i) => Math.floor(code / n ** i) % n)
          .toSorted((a, b) => a - b);
        const pair = `${ranks[(n - 1) >> 1]},${ranks[n >> 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
      for (const { lower, upper, probability } of resampledMedians(n)) {
        const counted = (counts.get(`${lower},${upper}`) ?? 0) / resamples;
        assert.closeTo(probability, counted, 1e-12, `${n}: ${lower}, ${upper}`);
      }
    }
  });
});

describe("medianOf()", () => {
  it("medianOf() takes the middle, or the mean of two", () => {
    assert.strictEqual(medianOf([3, 1, 2]), 2);
    assert.strictEqual(medianOf([4, 1, 3, 2]), 2.5);
    assert.isNaN(medianOf([]));
  });

  it("medianOf() is infinite when half of the values are", () => {
    assert.strictEqual(medianOf([1, Infinity]), Infinity);
    assert.strictEqual(medianOf([1, 2, Infinity]), 2);
    assert.strictEqual(medianOf([Infinity, Infinity, 1, Infinity]), Infinity);
  });
});

describe("medianInterval()", () => {
  it("medianInterval() of five runs from the smallest to the largest", () => {
    // P(median is the smallest) = Σ_{k≥3} C(5,k) 0.2^k 0.8^(5−k) = 0.058 > 0.025.
    assert.deepEqual(medianInterval([5, 1, 4, 2, 3]), { low: 1, median: 3, high: 5 });
  });

  it("medianInterval() of many leaves out what lies at the ends", () => {
    const values = draw(21, () => 0).map((_, i) => i);
    // P(median ≤ rank 5 of 0..20) = P(Binomial(21, 6/21) ≥ 11) = 0.0210; up to rank 6 it is 0.0601.
    assert.deepEqual(medianInterval(values), { low: 6, median: 10, high: 14 });
  });

  it("medianInterval() turns with its values", () => {
    const random = makeRandom("turned");
    for (const n of [5, 6, 9, 10]) {
      const values = draw(n, () => random.normal());
      const { low, median, high } = medianInterval(values);
      const turned = medianInterval(values.map((value) => -value));
      assert.deepEqual(turned, { low: -high, median: -median, high: -low });
    }
  });

  it("medianInterval() agrees with resampling", () => {
    const random = makeRandom("resampling");
    for (const n of [7, 12]) {
      const values = draw(n, () => random.normal());
      const medians = draw(20_000, () => medianOf(draw(n, () => random.pick(values)))).toSorted(
        (a, b) => a - b,
      );
      const { low, high } = medianInterval(values);
      const share = (holds: (median: number) => boolean) =>
        medians.filter(holds).length / medians.length;
      // 0.005: four standard deviations of a share of 0.025 in 20,000 draws.
      assert.isBelow(
        share((median) => median < low),
        0.025 + 0.005,
      );
      assert.isAbove(
        share((median) => median <= low),
        0.025 - 0.005,
      );
      assert.isBelow(
        share((median) => median > high),
        0.025 + 0.005,
      );
      assert.isAbove(
        share((median) => median >= high),
        0.025 - 0.005,
      );
    }
  });

  it("medianInterval() covers the truth as often as it says, whatever the distribution", () => {
    for (const [name, truth, value] of distributions) {
      // Five values: exactly 1 − 2·2⁻⁵ for every continuous distribution; 0.025 is four standard deviations.
      assert.closeTo(coverage(5, 1500, truth, value), 0.9375, 0.025, name);
      assert.closeTo(coverage(7, 1500, truth, value), 0.875, 0.035, name);
      for (const n of [6, 8, 12]) {
        const covered = coverage(n, 1500, truth, value);
        assert.isAbove(covered, 0.905, `${name}, ${n}`);
        assert.isBelow(covered, 0.99, `${name}, ${n}`);
      }
    }
  });
});

describe("boundedMedianInterval()", () => {
  const exactly = (value: number) => ({ low: value, high: value });
  const atLeast = (value: number) => ({ low: value, high: Infinity });

  it("boundedMedianInterval() is that of the values where all are known", () => {
    const values = [5, 1, 4, 2, 3];
    const { low, median, high } = medianInterval(values);
    assert.deepEqual(boundedMedianInterval(values.map(exactly)), {
      low,
      high,
      median: exactly(median),
    });
  });

  it("boundedMedianInterval() knows the median while fewer than half are bounded from below", () => {
    const bounded = boundedMedianInterval([
      exactly(1),
      exactly(2),
      exactly(3),
      atLeast(4),
      atLeast(5),
    ]);
    assert.deepEqual(bounded.median, exactly(3));
    assert.deepEqual([bounded.low, bounded.high], [1, Infinity]);
  });

  it("boundedMedianInterval() knows a lower bound when more than half are", () => {
    const bounded = boundedMedianInterval([
      exactly(1),
      exactly(2),
      atLeast(3),
      atLeast(4),
      atLeast(5),
    ]);
    assert.deepEqual(bounded.median, atLeast(3));
    assert.strictEqual(bounded.low, 1);
  });

  it("boundedMedianInterval() holds for every value that the bounds allow", () => {
    const random = makeRandom("bounds");
    for (let i = 0; i < 200; i++) {
      const n = 5 + random.int(4);
      const bounds = draw(n, () => random.normal()).map((low) =>
        random.next() < 0.4 ? { low, high: low + 3 * random.next() } : exactly(low),
      );
      const actual = bounds.map(({ low, high }) => low + random.next() * (high - low));
      const outer = boundedMedianInterval(bounds);
      const inner = medianInterval(actual);
      assert.isAtMost(outer.low, inner.low);
      assert.isAtMost(outer.median.low, inner.median);
      assert.isAtLeast(outer.median.high, inner.median);
      assert.isAtLeast(outer.high, inner.high);
    }
  });
});
