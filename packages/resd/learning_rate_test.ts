import { assert, describe, it } from "vitest";
import { learningRate } from "./learning_rate.ts";

describe("learningRate", () => {
  it("learningRate() starts at zero and reaches the full rate at update `updates`, when warming up from zero", () => {
    const rates = [0, 1, 5, 10, 11].map((u) =>
      learningRate(u, 1e-6, { updates: 10, from: "zero" }),
    );
    assert.deepEqual(rates, [0, 1e-7, 5e-7, 1e-6, 1e-6]);
  });

  it("learningRate() learns from the first update on, when warming up from the first step", () => {
    const rates = [0, 1, 4, 5].map((u) =>
      learningRate(u, 2e-3, { updates: 5, from: "first-step" }),
    );
    assert.deepEqual(rates, [4e-4, 8e-4, 2e-3, 2e-3]);
  });

  it("learningRate() is constant, when there is no warm-up", () => {
    assert.strictEqual(learningRate(0, 3, { updates: 0, from: "zero" }), 3);
  });
});
