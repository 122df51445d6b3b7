import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { type Draw, addGumbel } from "./gumbel.ts";

const LOGITS = [2, 1, 0, -1, -3];
const drawMany = (draw: Draw, times: number): ReadonlyArray<number> => {
  const random = makeRandom("gumbel", draw.temperature, draw.topP);
  const counts = LOGITS.map(() => 0);
  for (let i = 0; i < times; i++) {
    const logits = Float32Array.from(LOGITS);
    addGumbel(logits, draw, random);
    counts[logits.indexOf(Math.max(...logits))]!++;
  }
  return counts.map((count) => count / times);
};
const softmax = (temperature: number): ReadonlyArray<number> => {
  const weights = LOGITS.map((logit) => Math.exp(logit / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};

describe("addGumbel", () => {
  it.each([0.5, 1, 2])("addGumbel() draws from the softmax at temperature %d", (temperature) => {
    const found = drawMany({ temperature, topP: 1 }, 20_000);
    softmax(temperature).forEach((share, token) => assert.closeTo(found[token]!, share, 0.015));
  });

  it("addGumbel() keeps to the nucleus, and to the highest logit at temperature 0", () => {
    const found = drawMany({ temperature: 1, topP: 0.8 }, 5000);
    const [first = 0, second = 0] = softmax(1);
    assert.closeTo(found[0]!, first / (first + second), 0.02);
    assert.deepEqual(found.slice(2), [0, 0, 0]);
    assert.deepEqual(drawMany({ temperature: 0, topP: 1 }, 10), [1, 0, 0, 0, 0]);
  });

  it("addGumbel() gives the same numbers for the same seed", () => {
    const [a, b] = [0, 1].map(() => {
      const logits = Float32Array.from(LOGITS);
      addGumbel(logits, { temperature: 1, topP: 0.9 }, makeRandom("same"));
      return logits;
    });
    assert.deepEqual(a, b);
  });
});
