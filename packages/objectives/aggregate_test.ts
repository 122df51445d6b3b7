import { type Aggregation, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { coefficients, type CoefficientsRequest } from "./aggregate.ts";
import { ObjectiveError } from "./error.ts";

const AGGREGATIONS: ReadonlyArray<Aggregation> = [
  "token-mean",
  "seq-mean-token-mean",
  "seq-mean-token-sum",
  "seq-mean-token-sum-norm",
  "sample-mean",
];

/** A batch with per-token losses; some samples have nothing to train on. */
const randomBatch = (seed: number) => {
  const random = makeRandom("aggregate", seed);
  const samples = 1 + random.int(6);
  const lengths = Array.from({ length: samples }, () => random.int(6));
  const masks = lengths.map((length) =>
    Uint8Array.from({ length }, () => (random.next() < 0.7 ? 1 : 0)),
  );
  if (samples > 1) masks[random.int(samples)]?.fill(0);
  return {
    masks,
    weights: Float64Array.from({ length: samples }, () => 0.5 + random.next()),
    losses: lengths.map((length) => Float64Array.from({ length }, () => random.normal())),
  };
};

const dot = (
  c: ReadonlyArray<ArrayLike<number>>,
  losses: ReadonlyArray<ArrayLike<number>>,
): number => {
  let sum = 0;
  c.forEach((row, i) => {
    for (let t = 0; t < row.length; t++) {
      sum += (row[t] as number) * (losses[i]?.[t] as number);
    }
  });
  return sum;
};

const all = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0);

/** The definitions word for word, on losses instead of coefficients. */
const direct = (
  aggregation: Aggregation,
  { masks, weights, losses }: ReturnType<typeof randomBatch>,
  horizon: number,
): number => {
  const weighted = masks.map((mask, i) => {
    let sum = 0;
    for (let t = 0; t < mask.length; t++) {
      sum += (losses[i]?.[t] as number) * (mask[t] as number) * (weights[i] as number);
    }
    return sum;
  });
  const counts = masks.map((mask) => mask.reduce((a, b) => a + b, 0));
  const active = counts.filter((count) => count > 0).length;
  switch (aggregation) {
    case "token-mean":
      return all(weighted) / Math.max(all(counts), 1);
    case "seq-mean-token-mean":
      return active === 0
        ? 0
        : all(weighted.map((w, i) => w / ((counts[i] as number) + 1e-8))) / active;
    case "seq-mean-token-sum":
      return active === 0 ? 0 : all(weighted) / active;
    case "seq-mean-token-sum-norm":
      return all(weighted) / horizon;
    case "sample-mean":
      return all(weighted.map((w, i) => w / Math.max(counts[i] as number, 1))) / masks.length;
  }
};

describe("coefficients()", () => {
  it.each(AGGREGATIONS)("gives Σ c·ℓ equal to %s computed from the losses", (aggregation) => {
    for (let seed = 0; seed < 50; seed++) {
      const batch = randomBatch(seed);
      const c = coefficients({ aggregation, ...batch, horizon: 7 });
      assert.closeTo(dot(c, batch.losses), direct(aggregation, batch, 7), 1e-12);
    }
  });

  it.each(AGGREGATIONS)(
    "lets %s be summed over chunks of any size, because the coefficients know the whole batch",
    (aggregation) => {
      for (let seed = 0; seed < 20; seed++) {
        const batch = randomBatch(seed);
        const c = coefficients({ aggregation, ...batch, horizon: 7 });
        const whole = dot(c, batch.losses);
        for (let size = 1; size <= c.length; size++) {
          let sum = 0;
          for (let from = 0; from < c.length; from += size) {
            sum += dot(c.slice(from, from + size), batch.losses.slice(from, from + size));
          }
          assert.closeTo(sum, whole, 1e-12);
        }
      }
    },
  );

  it("sums to 1 for the means when every weight is 1 and every sample has a token", () => {
    const masks = [Uint8Array.of(1, 1, 0), Uint8Array.of(1), Uint8Array.of(0, 1, 1, 1)];
    for (const aggregation of ["token-mean", "seq-mean-token-mean", "sample-mean"] as const) {
      const total = coefficients({ aggregation, masks }).reduce(
        (sum, row) => sum + row.reduce((a, b) => a + b, 0),
        0,
      );
      assert.closeTo(total, 1, 1e-7, aggregation);
    }
  });

  it("counts samples without a signal in the denominator of sample-mean and of no other mean", () => {
    const masks = [Uint8Array.of(1, 1), Uint8Array.of(0, 0)];
    const first = (aggregation: Aggregation) => coefficients({ aggregation, masks })[0]?.[0];
    assert.strictEqual(first("sample-mean"), 0.25);
    assert.strictEqual(first("token-mean"), 0.5);
    assert.closeTo(first("seq-mean-token-mean") as number, 0.5, 1e-8);
    assert.strictEqual(first("seq-mean-token-sum"), 1);
  });

  it.each(AGGREGATIONS)("gives zeros for %s of a batch with nothing to train on", (aggregation) => {
    const c = coefficients({
      aggregation,
      masks: [new Uint8Array(3), new Uint8Array(0)],
      horizon: 7,
    });
    assert.deepStrictEqual(
      c.map((row) => Array.from(row)),
      [[0, 0, 0], []],
    );
    assert.deepStrictEqual(coefficients({ aggregation, masks: [], horizon: 7 }), []);
  });

  it("multiplies token weights into the numerator only", () => {
    const request: CoefficientsRequest = {
      aggregation: "token-mean",
      masks: [Uint8Array.of(1, 1, 0)],
    };
    const [plain] = coefficients(request);
    const [weighted] = coefficients({ ...request, tokenWeights: [[0.5, 2, 9]] });
    assert.deepStrictEqual(Array.from(plain ?? []), [0.5, 0.5, 0]);
    assert.deepStrictEqual(Array.from(weighted ?? []), [0.25, 1, 0]);
  });

  it("puts the position ramp into numerator and denominator, over trained tokens only", () => {
    const [c] = coefficients({
      aggregation: "token-mean",
      masks: [Uint8Array.of(1, 0, 1)],
      positionBeta: 1,
    });
    assert.strictEqual(c?.[1], 0);
    assert.closeTo(c?.[0] as number, 1 / 2.5, 1e-15);
    assert.closeTo(c?.[2] as number, 1.5 / 2.5, 1e-15);
  });

  it("refuses lengths that disagree, negative masks and a missing horizon", () => {
    const masks = [Uint8Array.of(1, 1)];
    const refused: ReadonlyArray<CoefficientsRequest> = [
      { aggregation: "token-mean", masks, weights: [1, 1] },
      { aggregation: "token-mean", masks, weights: [Number.NaN] },
      { aggregation: "token-mean", masks, tokenWeights: [[1]] },
      { aggregation: "token-mean", masks, tokenWeights: [] },
      { aggregation: "token-mean", masks, tokenWeights: [[1, Infinity]] },
      { aggregation: "token-mean", masks: [[-1]] },
      { aggregation: "seq-mean-token-sum-norm", masks },
    ];
    for (const request of refused) assert.throws(() => coefficients(request), ObjectiveError);
  });
});
