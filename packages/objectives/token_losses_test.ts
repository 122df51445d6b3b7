import {
  type Distill,
  type Mixture,
  type Objective,
  type PolicyGradient,
  makeRandom,
} from "@resd/core";
import { add, gradient, graph, input, interpret, mul, sum, type Tensor } from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { ObjectiveError } from "./error.ts";
import { tokenLosses } from "./token_losses.ts";
import { tokenReadings } from "./token_readings.ts";

const N = 4;
const V = 6;
const distill: Distill = {
  _tag: "Distill",
  alpha: 0,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
};
const reward: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const mixture: Mixture = {
  _tag: "Mixture",
  distill,
  reward,
  route: { _tag: "share", lambda: 0.5 },
};

const random = makeRandom("token-losses", 3);
const draw = (size: number, scale = 1) =>
  Float64Array.from({ length: size }, () => scale * random.normal());
const z = draw(N * V);
const zT = draw(N * V);
const tokens = Int32Array.from([1, 5, 0, 2]);
const c = Float64Array.from([0.5, 0, 0.25, 0.1]);
const cR = Float64Array.from([0.2, 0.7, 0, 0.3]);
const advantage = Float64Array.from([1.5, -0.5, 2, -1]);

const logSoftmax = (row: ReadonlyArray<number>) => {
  const logZ = Math.log(row.reduce((all, x) => all + Math.exp(x), 0));
  return row.map((x) => x - logZ);
};
const rowsOf = (flat: ArrayLike<number>) =>
  Array.from({ length: N }, (_, n) => Array.from(flat).slice(n * V, (n + 1) * V));
const ownLogProb = rowsOf(z).map((row, n) => logSoftmax(row)[tokens[n]!]!);

/** Everything of a few tokens under an objective. `apart` is log p − log p_behaviour. */
const run = (objective: Objective, student = z, apart: ArrayLike<number> = draw(N, 0)) => {
  const logits = input("student", [N, V]);
  const { loss, rewardLoss, ...statistics } = tokenLosses({
    objective,
    student: logits,
    teacher: input("teacher", [N, V]),
    tokens: input("tokens", [N], "i32"),
    behaviour: input("behaviour", [N]),
    advantage: input("advantage", [N]),
  });
  const own = sum(mul(loss, input("c", [N])));
  const total = rewardLoss === undefined ? own : add(own, sum(mul(rewardLoss, input("cR", [N]))));
  const program = graph({
    ...statistics,
    loss,
    total,
    gradient: gradient(total, [logits])[0] as Tensor,
  });
  return interpret(program, {
    student,
    teacher: zT,
    tokens,
    c,
    cR,
    advantage,
    behaviour: ownLogProb.map((x, n) => x - (apart[n] as number)),
  });
};

describe("tokenLosses()", () => {
  it("has the gradient of both parts of a mixture, by finite differences", () => {
    // Without clamps and detached targets forward KL and the unclipped ratio are plain functions of the logits.
    const { gradient: exact } = run(mixture);
    const h = 1e-5;
    z.forEach((_, i) => {
      const at = (step: number) =>
        run(
          mixture,
          z.map((x, j) => (i === j ? x + step : x)),
        )["total"]?.[0] as number;
      assert.closeTo(exact?.[i] as number, (at(h) - at(-h)) / (2 * h), 1e-8);
    });
  });

  it("adds the gradients of the parts, each with its own coefficients", () => {
    const both = run({ ...mixture, distill: { ...distill, alpha: 1, ratioMin: 0.2 } });
    const taught = run({ ...distill, alpha: 1, ratioMin: 0.2 });
    const logits = input("student", [N, V]);
    const { loss } = tokenLosses({
      objective: reward,
      student: logits,
      tokens: input("tokens", [N], "i32"),
      behaviour: input("behaviour", [N]),
      advantage: input("advantage", [N]),
    });
    const paid = interpret(
      graph({ gradient: gradient(sum(mul(loss, input("cR", [N]))), [logits])[0] as Tensor }),
      { student: z, tokens, cR, advantage, behaviour: ownLogProb },
    );
    both["gradient"]?.forEach((g, i) =>
      assert.closeTo(g, taught["gradient"]![i]! + paid["gradient"]![i]!, 1e-12),
    );
  });

  it("teaches a distilled token of a mixture: its loss is not detached (T3)", () => {
    const { gradient: both } = run({ ...mixture, route: { _tag: "outcome" } });
    // Token 2 has no coefficient in the reward's part.
    assert.isAbove(Math.hypot(...Array.from(both!).slice(2 * V, 3 * V)), 1e-3);
  });

  it("weighs single tokens of other weights, up to the clip, without a gradient through the weight", () => {
    const apart = [Math.log(1.5), 3, -0.5, 0];
    const importance = { clip: 2, over: "token" } as const;
    const plain = run(distill, z, apart);
    const got = run({ ...distill, importance }, z, apart);
    [1.5, 2, Math.exp(-0.5), 1].forEach((w, n) => {
      assert.closeTo(got["loss"]![n]!, w * plain["loss"]![n]!, 1e-12);
      for (let v = 0; v < V; v++) {
        assert.closeTo(got["gradient"]![n * V + v]!, w * plain["gradient"]![n * V + v]!, 1e-12);
      }
    });
    assert.deepStrictEqual(got["divergence"], plain["divergence"]);
  });

  it("has the gradient −A·w·(onehot − p) in a policy gradient that corrects for its sampler", () => {
    const apart = [Math.log(1.5), 3, -0.5, 0];
    const { gradient: got } = run({ ...reward, importance: { clip: 2, over: "token" } }, z, apart);
    [1.5, 2, Math.exp(-0.5), 1].forEach((w, n) => {
      const p = logSoftmax(rowsOf(z)[n]!).map(Math.exp);
      p.forEach((x, v) => {
        const expected = -c[n]! * advantage[n]! * w * ((v === tokens[n] ? 1 : 0) - x);
        assert.closeTo(got![n * V + v]!, expected, 1e-12);
      });
    });
  });

  it("says that a distillation is missing its teacher's logits", () => {
    const rows = input("student", [N, V]);
    const vector = input("vector", [N]);
    assert.throws(
      () =>
        tokenLosses({
          objective: distill,
          student: rows,
          tokens: input("tokens", [N], "i32"),
          behaviour: vector,
          advantage: vector,
        }),
      ObjectiveError,
      /Expected the teacher's logits/,
    );
  });
});

describe("tokenReadings()", () => {
  it("reads log-probs and entropies, on the support and over the whole vocabulary", () => {
    const objective: Distill = {
      ...distill,
      support: { _tag: "top-k", k: 2, rest: "renormalize" },
      target: { beta: 0.5, space: "logits" },
    };
    const read = tokenReadings({
      objective,
      student: input("student", [N, V]),
      teacher: input("teacher", [N, V]),
      tokens: input("tokens", [N], "i32"),
    });
    const values = interpret(graph({ ...read }), { student: z, teacher: zT, tokens });
    rowsOf(zT).forEach((row, n) => {
      const logQ = logSoftmax(row);
      const logP = logSoftmax(rowsOf(z)[n]!);
      const top = [...logP.keys()].toSorted((a, b) => logP[b]! - logP[a]!).slice(0, 2);
      const entropy = (logs: ReadonlyArray<number>, of: ReadonlyArray<number>) =>
        -of.reduce((all, v) => all + Math.exp(logs[v]!) * logs[v]!, 0);
      assert.closeTo(values["logProb"]![n]!, logP[tokens[n]!]!, 1e-12);
      assert.closeTo(values["teacherLogProb"]![n]!, logQ[tokens[n]!]!, 1e-12);
      assert.closeTo(values["studentEntropy"]![n]!, entropy(logP, top), 1e-12);
      assert.closeTo(values["teacherEntropy"]![n]!, entropy(logQ, top), 1e-12);
      assert.closeTo(values["fullTeacherEntropy"]![n]!, entropy(logQ, [...logQ.keys()]), 1e-12);
    });
  });
});
