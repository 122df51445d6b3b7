import { assert, describe, it } from "vitest";
import { entropyWeights } from "./entropy_weights.ts";

describe("entropyWeights()", () => {
  it("weighs exp(−β·H_T), scaled to sum to the number of trained tokens", () => {
    const entropies = [0.5, 9, 1.5, 0];
    const w = entropyWeights(2, entropies, [1, 0, 1, 1]);
    assert.strictEqual(w[1], 0);
    assert.closeTo(w[0]! + w[2]! + w[3]!, 3, 1e-12);
    assert.closeTo(w[0]! / w[2]!, Math.exp(2), 1e-12);
    assert.closeTo(w[3]! / w[0]!, Math.exp(1), 1e-12);
  });

  it("is 1 on every trained token at β = 0", () => {
    assert.deepStrictEqual(Array.from(entropyWeights(0, [3, 1, 2], [1, 0, 1])), [1, 0, 1]);
  });

  it("stays exact where every exp(−β·H_T) underflows", () => {
    const w = entropyWeights(1000, [5, 5, 5.001], [1, 1, 1]);
    assert.closeTo(w[0]! + w[1]! + w[2]!, 3, 1e-12);
    assert.closeTo(w[2]! / w[0]!, Math.exp(-1), 1e-9);
  });

  it("gives nothing to a sequence without trained tokens", () => {
    assert.deepStrictEqual(Array.from(entropyWeights(1, [1, 2], [0, 0])), [0, 0]);
  });
});
