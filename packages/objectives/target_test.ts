import { type Distill, type Support, makeRandom } from "@resd/core";
import { gradient, graph, input, interpret, mul, sum, type Tensor } from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { tokenDivergence } from "./token_divergence.ts";

const N = 5;
const V = 7;
const base: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
};

const random = makeRandom("target", 1);
const draw = (size: number) => Float64Array.from({ length: size }, () => 1.5 * random.normal());
const z = draw(N * V);
const zT = draw(N * V);
const weights = draw(N);
const tokens = Int32Array.from({ length: N }, (_, i) => (3 * i) % V);

const rowsOf = (flat: ArrayLike<number>) =>
  Array.from({ length: N }, (_, n) => Array.from(flat).slice(n * V, (n + 1) * V));
const softmax = (row: ReadonlyArray<number>) => {
  const total = row.reduce((all, x) => all + Math.exp(x), 0);
  return row.map((x) => Math.exp(x) / total);
};

/** Loss and gradient under an objective, with given teacher logits. */
const run = (objective: Distill, teacher: ArrayLike<number>) => {
  const student = input("student", [N, V]);
  const { loss, teacherLogProb, teacherEntropy } = tokenDivergence({
    student,
    teacher: input("teacher", [N, V]),
    tokens: input("tokens", [N], "i32"),
    objective,
  });
  const total = sum(mul(loss, input("weights", [N])));
  const program = graph({
    loss,
    gradient: gradient(total, [student])[0] as Tensor,
    teacherLogProb,
    teacherEntropy,
  });
  return interpret(program, { student: z, teacher, tokens, weights });
};

const equal = (got: ArrayLike<number> = [], expected: ArrayLike<number> = []) => {
  assert.strictEqual(got.length, expected.length);
  Array.from(expected).forEach((x, i) => assert.closeTo(got[i] as number, x, 1e-10));
};

const SUPPORTS: ReadonlyArray<readonly [string, Support, ReadonlyArray<number>]> = [
  ["the whole vocabulary", { _tag: "full" }, [0, 0.5, 1]],
  ["top-k and tail", { _tag: "top-k", k: 3, rest: "tail" }, [0, 0.5, 1]],
  ["renormalised top-k", { _tag: "top-k", k: 3, rest: "renormalize" }, [0, 0.5, 1]],
  ["the sampled token", { _tag: "sampled-token" }, [1]],
];

describe("tokenDivergence() with a target", () => {
  for (const [name, support, alphas] of SUPPORTS) {
    it(`has the loss and gradient of a teacher whose logits lie between, on ${name}`, () => {
      for (const alpha of alphas) {
        for (const beta of [0.25, 1, 1.5]) {
          const objective = { ...base, alpha, support, ratioMin: 0.2 };
          const between = z.map((x, i) => (1 - beta) * x + beta * (zT[i] as number));
          const got = run({ ...objective, target: { beta, space: "logits" } }, zT);
          const expected = run(objective, between);
          equal(got["loss"], expected["loss"]);
          equal(got["gradient"], expected["gradient"]);
          // What is reported of the teacher is the teacher's.
          const plain = run(objective, zT);
          equal(got["teacherLogProb"], plain["teacherLogProb"]);
          equal(got["teacherEntropy"], plain["teacherEntropy"]);
        }
      }
    });

    if (support._tag === "top-k" && support.rest === "renormalize") continue;
    it(`has the loss and gradient of a teacher whose probabilities are mixed, on ${name}`, () => {
      for (const alpha of alphas) {
        for (const beta of [0.25, 1]) {
          const objective = { ...base, alpha, support };
          const q = rowsOf(zT).map(softmax);
          const mixed = rowsOf(z)
            .map(softmax)
            .flatMap((p, n) => p.map((x, v) => Math.log((1 - beta) * x + beta * q[n]![v]!)));
          const got = run({ ...objective, target: { beta, space: "probabilities" } }, zT);
          const expected = run(objective, mixed);
          equal(got["loss"], expected["loss"]);
          equal(got["gradient"], expected["gradient"]);
        }
      }
    });
  }

  it("never asks for less than 1 − β of the student's probability when probabilities are mixed", () => {
    const beta = 0.75;
    const far = zT.map((x) => 40 * x);
    const objective: Distill = { ...base, target: { beta, space: "probabilities" } };
    // Reverse KL to at least (1 − β)p is at most ln(1 / (1 − β)).
    for (const loss of run(objective, far)["loss"] ?? []) {
      assert.isAtMost(loss, Math.log(1 / (1 - beta)) + 1e-9);
    }
  });
});
