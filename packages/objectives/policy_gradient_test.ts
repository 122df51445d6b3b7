import type { PolicyGradient } from "@resd/core";
import { gradient, graph, input, interpret, sum, type Tensor } from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { crossEntropy } from "./cross_entropy.ts";
import { importanceWeight } from "./importance.ts";
import { policyGradient } from "./policy_gradient.ts";
import { tokenLogProb } from "./token_log_prob.ts";

const objective: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const V = 3;
const z = [0.5, -1, 1.5];
const total = z.reduce((a, x) => a + Math.exp(x), 0);
const p = z.map((x) => Math.exp(x) / total);
const y = 1;
const logP = Math.log(p[y] as number);

/** One row's loss and gradient for a ratio r = p/p_old and an advantage. */
const run = (r: number, A: number) => {
  const logits = input("logits", [1, V]);
  const { loss, ratio, clipped } = policyGradient({
    logits,
    tokens: input("tokens", [1], "i32"),
    oldLogProb: input("old", [1]),
    advantage: input("advantage", [1]),
    objective,
  });
  const program = graph({
    loss,
    ratio,
    clipped,
    gradient: gradient(sum(loss), [logits])[0] as Tensor,
  });
  return interpret(program, { logits: z, tokens: [y], old: [logP - Math.log(r)], advantage: [A] });
};

describe("policyGradient()", () => {
  it("has the gradient −A·(onehot − p) on-policy, whatever the sign of A", () => {
    for (const A of [2, -2]) {
      const out = run(1, A);
      assert.closeTo(out.loss?.[0] as number, -A, 1e-12);
      assert.strictEqual(out.clipped?.[0], 0);
      p.forEach((x, v) => {
        assert.closeTo(out.gradient?.[v] as number, -A * ((v === y ? 1 : 0) - x), 1e-12);
      });
    }
  });

  it("stops where the ratio has already moved with the advantage, and not where it moved against it", () => {
    const cases = [
      { r: 1.5, A: 1, loss: -1.28, clipped: 1 },
      { r: 0.5, A: -1, loss: 0.8, clipped: 1 },
      { r: 0.5, A: 1, loss: -0.5, clipped: 0 },
      { r: 1.5, A: -1, loss: 1.5, clipped: 0 },
      { r: 1.27, A: 1, loss: -1.27, clipped: 0 },
    ];
    for (const { r, A, loss, clipped } of cases) {
      const out = run(r, A);
      assert.closeTo(out.loss?.[0] as number, loss, 1e-12);
      assert.strictEqual(out.clipped?.[0], clipped);
      const flat = out.gradient?.every((g) => g === 0);
      assert.strictEqual(flat, clipped === 1);
    }
  });

  it("limits the loss of a negative advantage to three times its size", () => {
    const out = run(50, -1);
    assert.strictEqual(out.loss?.[0], 3);
    assert.isTrue(out.gradient?.every((g) => g === 0));
    assert.strictEqual(out.clipped?.[0], 1);
  });

  it("keeps the ratio finite for log-probabilities far apart", () => {
    assert.closeTo(run(Math.exp(50), 1).ratio?.[0] as number, Math.exp(20), 1);
  });
});

describe("crossEntropy()", () => {
  it("is −log p(y) with gradient p − onehot", () => {
    const logits = input("logits", [1, V]);
    const loss = crossEntropy({ logits, tokens: input("tokens", [1], "i32") });
    const program = graph({ loss, gradient: gradient(sum(loss), [logits])[0] as Tensor });
    const out = interpret(program, { logits: z, tokens: [y] });
    assert.closeTo(out.loss?.[0] as number, -logP, 1e-12);
    p.forEach((x, v) => {
      assert.closeTo(out.gradient?.[v] as number, x - (v === y ? 1 : 0), 1e-12);
    });
  });

  it("stays exact for tokens of almost no probability, in f32 as well", () => {
    const logits = input("logits", [2, V]);
    const loss = crossEntropy({ logits, tokens: input("tokens", [2], "i32") });
    const program = graph({ loss });
    const inputs = { logits: [80, 0, -80, 1000, 999, -1000], tokens: [2, 1] };
    for (const precision of ["f64", "f32"] as const) {
      const out = interpret(program, inputs, { precision }).loss ?? [];
      assert.closeTo(out[0] as number, 160, 1e-4);
      assert.closeTo(out[1] as number, 1 + Math.log1p(Math.exp(-1)), 1e-4);
    }
  });
});

describe("importanceWeight()", () => {
  it("clips the ratio from above and carries no gradient", () => {
    const logits = input("logits", [2, V]);
    const weight = importanceWeight(
      tokenLogProb(logits, input("tokens", [2], "i32")),
      input("old", [2]),
      2,
    );
    const program = graph({ weight, gradient: gradient(sum(weight), [logits])[0] as Tensor });
    const out = interpret(program, {
      logits: [...z, ...z],
      tokens: [y, y],
      old: [logP - Math.log(1.5), logP - 3],
    });
    assert.closeTo(out.weight?.[0] as number, 1.5, 1e-12);
    assert.strictEqual(out.weight?.[1], 2);
    assert.isTrue(out.gradient?.every((g) => g === 0));
  });
});
