import { assert, describe, it } from "vitest";
import { ObjectiveError } from "./error.ts";
import { rolloutCorrection } from "./rollout_correction.ts";

describe("rolloutCorrection()", () => {
  it("is 1 on trained tokens when trainer and sampler agree, and 0 elsewhere", () => {
    const w = rolloutCorrection([-1, -2, -3], [-1, -2, 0], [1, 1, 0]);
    assert.deepStrictEqual(Array.from(w), [1, 1, 0]);
  });

  it("clips the ratio of each token from above", () => {
    const w = rolloutCorrection([-1, -1, 30], [-1.5, -3, -30], [1, 1, 1]);
    assert.closeTo(w[0] as number, Math.exp(0.5), 1e-12);
    assert.deepStrictEqual([w[1], w[2]], [2, 2]);
  });

  it("gives every trained token the ratio of the whole sequence in sequence mode", () => {
    const w = rolloutCorrection([-1, -9, -1], [-1.5, 0, -0.75], [1, 0, 1], {
      mode: "sequence",
      clip: 2,
    });
    const whole = Math.exp(0.25);
    assert.deepStrictEqual(Array.from(w), [whole, 0, whole]);
  });

  it("refuses log-probs of another length", () => {
    assert.throws(() => rolloutCorrection([-1], [-1, -1], [1, 1]), ObjectiveError);
  });
});
