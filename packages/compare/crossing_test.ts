import { assert, describe, it } from "vitest";
import { madeUpCurve } from "./_made_up.ts";
import { crossingOf } from "./crossing.ts";
import { successBy } from "./success.ts";

describe("crossingOf()", () => {
  it("crossingOf() interpolates between the evaluation that is there and the one before", () => {
    // From 0.2 after 4 updates to 0.6 after 8: three quarters of the way at 0.5.
    assert.deepEqual(crossingOf(madeUpCurve([0, 0.2, 0.6]), 0.5), {
      _tag: "Reached",
      updates: 4 + 0.75 * 4,
      interactions: 64 + 0.75 * 64,
    });
  });

  it("crossingOf() takes the first crossing of a curve that falls again", () => {
    const crossing = crossingOf(madeUpCurve([0, 0.5, 0.1, 0.9]), 0.5);
    assert.deepEqual(crossing, { _tag: "Reached", updates: 4, interactions: 64 });
  });

  it("crossingOf() censors at the budget what never gets there", () => {
    assert.deepEqual(crossingOf(madeUpCurve([0, 0.2, 0.49]), 0.5), {
      _tag: "Censored",
      updates: 8,
      interactions: 128,
    });
  });

  it("crossingOf() is at 0 for a curve that starts there", () => {
    assert.deepEqual(crossingOf(madeUpCurve([0.6, 0.7]), 0.5), {
      _tag: "Reached",
      updates: 0,
      interactions: 0,
    });
  });
});

describe("successBy()", () => {
  const curve = madeUpCurve([0, 0.8, 0.4]);

  it("successBy() reads the end, the best, and between two evaluations", () => {
    assert.strictEqual(successBy(curve, "final"), 0.4);
    assert.strictEqual(successBy(curve, "best"), 0.8);
    assert.closeTo(successBy(curve, { updates: 5 })!, 0.7, 1e-12);
    assert.closeTo(successBy(curve, { interactions: 32 })!, 0.4, 1e-12);
    assert.strictEqual(successBy(curve, { updates: 4 }), 0.8);
  });

  it("successBy() does not guess beyond the last evaluation", () => {
    assert.isUndefined(successBy(curve, { updates: 9 }));
  });
});
