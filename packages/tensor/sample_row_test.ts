import { assert, describe, it } from "vitest";
import { uniforms } from "./_finite_differences.ts";
import * as T from "./mod.ts";

const plain = { temperature: 1, topP: 1, topK: 0 };
const logits = [Math.log(0.4), Math.log(0.1), Math.log(0.3), Math.log(0.2)];

/** How often each token is drawn over evenly spaced uniforms. */
const shares = (settings: Partial<T.SampleRowSettings>, draws = 10_000): ReadonlyArray<number> => {
  const counts = logits.map(() => 0);
  for (let i = 0; i < draws; i++) {
    const { id } = T.sampleRow(logits, { ...plain, ...settings, uniform: (i + 0.5) / draws });
    counts[id]! += 1;
  }
  return counts.map((count) => Number((count / draws).toFixed(3)));
};

describe("sampleRow()", () => {
  it("inverts the distribution function in index order", () => {
    const ids = [0, 0.39, 0.41, 0.49, 0.51, 0.79, 0.81, 0.999999].map(
      (uniform) => T.sampleRow(logits, { ...plain, uniform }).id,
    );
    assert.deepEqual(ids, [0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it("goes on to the next token where the uniform meets a sum exactly", () => {
    assert.equal(T.sampleRow([0, 0], { ...plain, uniform: 0.5 }).id, 1);
  });

  it("needs no exponentials where the caller has the probabilities", () => {
    const shifted = logits.map((logit) => logit + 3);
    const probabilities = Float32Array.of(0.4, 0.1, 0.3, 0.2);
    for (const settings of [
      {},
      { topP: 0.65 },
      { topK: 3 },
      { temperature: 0 },
      { temperature: 2 },
    ]) {
      for (const uniform of [0.05, 0.35, 0.45, 0.6, 0.95]) {
        const given = { ...plain, ...settings, uniform };
        const drawn = T.sampleRow(shifted, given, probabilities);
        const expected = T.sampleRow(shifted, given);
        assert.equal(drawn.id, expected.id);
        assert.closeTo(drawn.logProb, expected.logProb, 1e-6);
      }
    }
  });

  it("draws each token as often as it is probable", () => {
    assert.deepEqual(shares({}), [0.4, 0.1, 0.3, 0.2]);
  });

  it("draws from a random stream what the distribution says", () => {
    const random = uniforms(11);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) {
      counts[T.sampleRow(logits, { ...plain, uniform: random() }).id]! += 1;
    }
    [0.4, 0.1, 0.3, 0.2].forEach((p, id) => assert.closeTo(counts[id]! / 40_000, p, 0.01));
  });

  it("divides the logits by the temperature", () => {
    const squares = [0.16, 0.01, 0.09, 0.04].map((p) => Number((p / 0.3).toFixed(3)));
    assert.deepEqual(shares({ temperature: 0.5 }), squares);
  });

  it("takes the greatest at temperature 0, the first of equals", () => {
    assert.equal(T.sampleRow([1, 3, 3], { ...plain, temperature: 0, uniform: 0.99 }).id, 1);
  });

  it("keeps the k most probable, renormalised", () => {
    assert.deepEqual(shares({ topK: 2 }), [0.571, 0, 0.429, 0]);
    assert.deepEqual(shares({ topK: 1 }), [1, 0, 0, 0]);
    assert.deepEqual(shares({ topK: 9 }), [0.4, 0.1, 0.3, 0.2]);
  });

  it("keeps the smallest set that holds topP, at least one token", () => {
    assert.deepEqual(shares({ topP: 0.65 }), [0.571, 0, 0.429, 0]);
    assert.deepEqual(shares({ topP: 0.75 }), [0.444, 0, 0.333, 0.222]);
    assert.deepEqual(shares({ topP: 0.01 }), [1, 0, 0, 0]);
    assert.deepEqual(shares({ topP: 0 }), [1, 0, 0, 0]);
  });

  it("applies topP to what topK left", () => {
    // Of 0.4 and 0.3 the first holds 0.571: enough for 0.55, though only 0.4 of everything.
    assert.deepEqual(shares({ topK: 2, topP: 0.55 }), [1, 0, 0, 0]);
    assert.deepEqual(shares({ topK: 2, topP: 0.6 }), [0.571, 0, 0.429, 0]);
  });

  it("filters ties to the lower index", () => {
    const drawn = (settings: Partial<T.SampleRowSettings>) =>
      [0.1, 0.4, 0.6, 0.9].map(
        (uniform) => T.sampleRow([1, 2, 1, 1], { ...plain, ...settings, uniform }).id,
      );
    assert.deepEqual(drawn({ topK: 2 }), [0, 1, 1, 1]);
    assert.deepEqual(drawn({ topP: 0.5 }), [0, 1, 1, 1]);
  });

  it("never draws a token of no probability, at either end of the uniforms", () => {
    const masked = [-Infinity, 0, -Infinity, 0, -Infinity];
    assert.equal(T.sampleRow(masked, { ...plain, uniform: 0 }).id, 1);
    assert.equal(T.sampleRow(masked, { ...plain, uniform: 1 - 2 ** -53 }).id, 3);
    assert.equal(T.sampleRow(masked, { ...plain, uniform: 1 }).id, 3);
  });

  it("reports the raw policy's log-probability, whatever shaped the draw", () => {
    const settings = { uniform: 0.9, temperature: 0.3, topP: 0.9, topK: 3 };
    const { id, logProb } = T.sampleRow(
      logits.map((logit) => logit + 100),
      settings,
    );
    assert.closeTo(logProb, logits[id]!, 1e-12);
    const greedy = T.sampleRow(logits, { ...settings, temperature: 0 });
    assert.closeTo(greedy.logProb, Math.log(0.4), 1e-12);
  });

  it("gives NaN as log-probability of a row with NaN", () => {
    assert.isNaN(T.sampleRow([0, Number.NaN, 1], { ...plain, uniform: 0.5 }).logProb);
  });
});

describe("sample()", () => {
  it("draws every row with its own settings", () => {
    const { ids, logProbs } = T.sample(
      T.input("logits", [3, 4]),
      T.input("uniforms", [3]),
      T.input("temperature", [3]),
      T.input("topP", [3]),
      { topK: 3 },
    );
    const out = T.interpret(T.graph({ ids, logProbs }), {
      logits: [...logits, ...logits, ...logits],
      uniforms: [0.99, 0.99, 0.99],
      temperature: [1, 0, 1],
      topP: [1, 1, 0.4],
    });
    assert.deepEqual([...out.ids!], [3, 0, 0]);
    [0.2, 0.4, 0.4].forEach((p, row) => assert.closeTo(out.logProbs![row]!, Math.log(p), 1e-12));
  });
});
