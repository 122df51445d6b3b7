import { type Distill, makeRandom, type Support } from "@resd/core";
import {
  concat,
  constant,
  expm1,
  gatherLast,
  gradient,
  graph,
  input,
  interpret,
  log,
  logSoftmax,
  logSumExp,
  minimum,
  mul,
  neg,
  stopGradient,
  sub,
  sum,
  type Tensor,
  topK,
} from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { clampTeacher } from "./clamp.ts";
import { ObjectiveError } from "./error.ts";
import { bucketLoss, tokenDivergence } from "./token_divergence.ts";

const base: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
};
const SUPPORTS: ReadonlyArray<Exclude<Support, { readonly _tag: "sampled-token" }>> = [
  { _tag: "full" },
  { _tag: "top-k", k: 4, rest: "tail" },
  { _tag: "top-k", k: 4, rest: "renormalize" },
  { _tag: "top-k", k: 99, rest: "tail" },
];

/** Bucket log-probabilities by their definition, for automatic differentiation. */
const plainBuckets = (
  z: Tensor,
  zT: Tensor,
  support: (typeof SUPPORTS)[number],
): readonly [Tensor, Tensor] => {
  const logP = logSoftmax(z);
  const logQ = logSoftmax(zT);
  if (support._tag === "full") return [logP, logQ];
  const { indices } = topK(z, Math.min(support.k, z.shape[1] ?? 0));
  return [logP, logQ].map((all) => {
    const inside = gatherLast(all, indices);
    const lse = logSumExp(inside, -1, true);
    return support.rest === "renormalize"
      ? sub(inside, lse)
      : concat([inside, log(neg(expm1(minimum(lse, -1e-7))))], -1);
  }) as unknown as readonly [Tensor, Tensor];
};

const N = 6;
const V = 9;
const student = input("student", [N, V]);
const teacher = input("teacher", [N, V]);
const tokens = constant(
  Array.from({ length: N }, (_, i) => (i * 5) % V),
  [N],
  "i32",
);
const weights = input("weights", [N]);

/** Loss and gradient from tokenDivergence and from plain operations. */
const both = (objective: Distill & { readonly support: (typeof SUPPORTS)[number] }) => {
  const closed = tokenDivergence({ student, teacher, tokens, objective });
  const [logS, logT] = plainBuckets(student, stopGradient(teacher), objective.support);
  const plain = bucketLoss(objective.alpha).value(logS, clampTeacher(logS, logT, objective).logT);
  const gradientOf = (loss: Tensor): Tensor =>
    gradient(sum(mul(loss, weights)), [student])[0] as Tensor;
  return graph({
    loss: closed.loss,
    gradient: gradientOf(closed.loss),
    plainLoss: plain,
    plainGradient: gradientOf(plain),
  });
};

/** `scale` stretches the student's logits: from 40 on, top-k holds all mass that doubles can see. */
const randomInputs = (seed: number, scale: number) => {
  const random = makeRandom("token-divergence", seed);
  const draw = (size: number, by: number) =>
    Float64Array.from({ length: size }, () => by * random.normal());
  return { student: draw(N * V, scale), teacher: draw(N * V, 2), weights: draw(N, 1) };
};

const worst = (a: ArrayLike<number> = [], b: ArrayLike<number> = []): number =>
  a.length === b.length
    ? Math.max(
        ...Array.from(a, (x, i) => Math.abs(x - (b[i] as number)) / Math.max(1, Math.abs(x))),
      )
    : Infinity;

const softmax = (logits: ReadonlyArray<number>): ReadonlyArray<number> => {
  const total = logits.reduce((a, z) => a + Math.exp(z), 0);
  return logits.map((z) => Math.exp(z) / total);
};

describe("tokenDivergence()", () => {
  for (const support of SUPPORTS) {
    const name =
      support._tag === "full" ? "the full vocabulary" : `top-${support.k} ${support.rest}`;
    it.each([0, 0.3, 0.5, 1])(
      `has the loss and gradient that autodiff derives over ${name}, alpha %d`,
      (alpha) => {
        for (const bounds of [{}, { ratioMin: 0.2 }, { ratioMin: 0.3, ratioMax: 3 }]) {
          const program = both({ ...base, alpha, support, ...bounds });
          for (const scale of [0.5, 2, 6]) {
            const out = interpret(program, randomInputs(scale * 10 + alpha, scale));
            assert.isBelow(worst(out.loss, out.plainLoss), 1e-8);
            assert.isBelow(worst(out.gradient, out.plainGradient), 1e-8);
          }
        }
      },
    );
  }

  it.each([0, 0.5, 1])(
    "has the gradient of a constant tail once the tail is saturated, alpha %d",
    (alpha) => {
      const support = { _tag: "top-k", k: 4, rest: "tail" } as const;
      const program = both({ ...base, alpha, support });
      // One logit far above the rest: 1 − 1e-7 of the mass is inside.
      const inputs = randomInputs(7, 1);
      for (let row = 0; row < N; row++) inputs.student[row * V + (row % V)] = 20 + 8 * row;
      const out = interpret(program, inputs);
      assert.isBelow(worst(out.loss, out.plainLoss), 1e-8);
      assert.isBelow(worst(out.gradient, out.plainGradient), 1e-8);
    },
  );

  it.each([0, 0.5, 1])(
    "stays exact in f32 while the tail empties and the teacher wants it, alpha %d",
    (alpha) => {
      const support = { _tag: "top-k", k: 2, rest: "tail" } as const;
      const { loss } = tokenDivergence({
        student,
        teacher,
        tokens,
        objective: { ...base, alpha, support },
      });
      const program = graph({ loss, gradient: gradient(sum(loss), [student])[0] as Tensor });
      const inputs = randomInputs(3, 0.1);
      for (let row = 0; row < N; row++) inputs.student[row * V] = 4 + 3 * row; // s_tail from 1e-1 to 1e-8
      const single = {
        student: Float32Array.from(inputs.student),
        teacher: Float32Array.from(inputs.teacher),
      };
      const double = {
        student: Float64Array.from(single.student),
        teacher: Float64Array.from(single.teacher),
      };
      const got = interpret(program, single, { precision: "f32" });
      const wanted = interpret(program, double);
      assert.isBelow(worst(wanted.gradient, got.gradient), 1e-5);
      assert.isBelow(worst(wanted.loss, got.loss), 1e-5);
    },
  );

  it("takes alpha 0 as KL(teacher‖student) and alpha 1 as KL(student‖teacher)", () => {
    const z = [2, 0, -1];
    const zT = [-1, 1, 1.5];
    const [p, q] = [softmax(z), softmax(zT)];
    const KL = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
      a.reduce((total, x, v) => total + x * Math.log(x / (b[v] as number)), 0);
    const divergence = (alpha: number): number => {
      const { loss } = tokenDivergence({
        student: input("z", [1, 3]),
        teacher: input("zT", [1, 3]),
        tokens: constant([0], [1], "i32"),
        objective: { ...base, alpha },
      });
      return interpret(graph({ loss }), { z, zT }).loss?.[0] as number;
    };
    assert.closeTo(divergence(0), KL(q, p), 1e-12);
    assert.closeTo(divergence(1), KL(p, q), 1e-12);
    assert.isAbove(Math.abs(KL(p, q) - KL(q, p)), 0.1);
    const m = p.map((x, v) => (x + (q[v] as number)) / 2);
    assert.closeTo(divergence(0.5), (KL(p, m) + KL(q, m)) / 2, 1e-12);
  });

  it("detaches the bounds: a clamped teacher pulls as if it were constant, p·(A − ℓ)", () => {
    const z = [1, 0.5, 0, -2];
    const zT = [-9, 0.4, 0.2, 3];
    const objective: Distill = { ...base, ratioMin: 0.2, ratioMax: 2 };
    const logits = input("z", [1, 4]);
    const { loss, clamped } = tokenDivergence({
      student: logits,
      teacher: input("zT", [1, 4]),
      tokens: constant([0], [1], "i32"),
      objective,
    });
    const program = graph({ clamped, gradient: gradient(sum(loss), [logits])[0] as Tensor });
    const out = interpret(program, { z, zT });
    const p = softmax(z);
    const A = softmax(zT).map(
      (q, v) => -Math.log(Math.min(Math.max(q / (p[v] as number), 0.2), 2)),
    );
    const value = A.reduce((total, a, v) => total + a * (p[v] as number), 0);
    const wanted = A.map((a, v) => (p[v] as number) * (a - value)); // p (A − ℓ), A of clamped buckets included
    assert.isBelow(worst(wanted, out.gradient), 1e-12);
    // Through the clip, clamped buckets would have h = s·A instead of s·(A + 1), which is far from the same.
    const free = (p[1] as number) + (p[2] as number);
    const throughClip = (p[0] as number) * ((A[0] as number) - value - free);
    assert.isAbove(Math.abs(throughClip - (wanted[0] as number)), 0.1);
    assert.strictEqual(out.clamped?.[0], 0.5);
  });

  it("keeps reverse KL between −ln(1 + r_min) and ln(1/r_min) with a floor, and JSD below ln 2", () => {
    const support = { _tag: "top-k", k: 4, rest: "tail" } as const;
    const bounded = both({ ...base, support, ratioMin: 0.2 });
    const symmetric = both({ ...base, alpha: 0.5, support });
    for (let seed = 0; seed < 10; seed++) {
      const inputs = randomInputs(seed, 5);
      for (const loss of interpret(bounded, inputs).loss ?? []) {
        assert.isAtMost(loss, Math.log(5) + 1e-12);
        assert.isAtLeast(loss, -Math.log(1.2));
      }
      for (const loss of interpret(symmetric, inputs).loss ?? []) {
        assert.isAtMost(loss, Math.log(2) + 1e-12);
        assert.isAtLeast(loss, -1e-12);
      }
    }
  });

  it("gives nothing to tokens outside of a renormalised top-k, and all of k ≥ V to the full loss", () => {
    const inputs = randomInputs(5, 2);
    const run = (support: (typeof SUPPORTS)[number]) =>
      interpret(both({ ...base, alpha: 0.5, support }), inputs);
    const { gradient: sparse } = run({ _tag: "top-k", k: 4, rest: "renormalize" });
    for (let row = 0; row < N; row++) {
      const touched = Array.from(sparse?.slice(row * V, (row + 1) * V) ?? []).filter(
        (g) => g !== 0,
      );
      assert.isAtMost(touched.length, 4);
    }
    const all = run({ _tag: "top-k", k: 99, rest: "renormalize" });
    const full = run({ _tag: "full" });
    assert.isBelow(worst(all.loss, full.loss), 1e-12);
    assert.isBelow(worst(all.gradient, full.gradient), 1e-12);
  });

  it("gives Δ·(onehot − p) with support sampled-token, and reports Δ as divergence", () => {
    const objective: Distill = { ...base, support: { _tag: "sampled-token" }, ratioMin: 0.2 };
    const { loss, divergence, logProb, teacherLogProb } = tokenDivergence({
      student,
      teacher,
      tokens,
      objective,
    });
    const program = graph({
      divergence,
      logProb,
      teacherLogProb,
      gradient: gradient(sum(loss), [student])[0] as Tensor,
    });
    const inputs = randomInputs(11, 2);
    const out = interpret(program, inputs);
    for (let row = 0; row < N; row++) {
      const z = Array.from(inputs.student.slice(row * V, (row + 1) * V));
      const y = (row * 5) % V;
      const delta = Math.min(
        (out.logProb?.[row] as number) - (out.teacherLogProb?.[row] as number),
        Math.log(5),
      );
      assert.closeTo(out.divergence?.[row] as number, delta, 1e-12);
      softmax(z).forEach((p, v) => {
        const wanted = delta * ((v === y ? 1 : 0) - p);
        assert.closeTo(out.gradient?.[row * V + v] as number, wanted, 1e-12);
      });
    }
  });

  it("is 0 with zero gradient and equal entropies where teacher and student agree", () => {
    for (const support of SUPPORTS) {
      for (const alpha of [0, 0.5, 1]) {
        const given = { student, teacher, tokens, objective: { ...base, alpha, support } };
        const { loss, studentEntropy, teacherEntropy, logProb, teacherLogProb } =
          tokenDivergence(given);
        const program = graph({
          loss,
          studentEntropy,
          teacherEntropy,
          logProb,
          teacherLogProb,
          gradient: gradient(sum(loss), [student])[0] as Tensor,
        });
        const inputs = randomInputs(1, 2);
        const out = interpret(program, { ...inputs, teacher: inputs.student });
        assert.isBelow(worst(out.loss, new Float64Array(N)), 1e-12);
        assert.isBelow(worst(out.gradient, new Float64Array(N * V)), 1e-12);
        assert.deepStrictEqual(out.studentEntropy, out.teacherEntropy);
        assert.deepStrictEqual(out.logProb, out.teacherLogProb);
      }
    }
  });

  it("sends no gradient into the teacher, nor through what it reports", () => {
    const { loss, ...reported } = tokenDivergence({ student, teacher, tokens, objective: base });
    for (const tensor of Object.values(reported)) {
      const [into] = gradient(sum(tensor), [student]);
      const { out } = interpret(graph({ out: into as Tensor }), randomInputs(0, 1));
      assert.isTrue(out?.every((g) => g === 0));
    }
    const [into] = gradient(sum(loss), [teacher]);
    const { out } = interpret(graph({ out: into as Tensor }), randomInputs(0, 1));
    assert.isTrue(out?.every((g) => g === 0));
  });

  it("refuses shapes that disagree", () => {
    assert.throws(
      () =>
        tokenDivergence({ student, teacher: input("other", [N, V + 1]), tokens, objective: base }),
      ObjectiveError,
    );
    assert.throws(
      () =>
        tokenDivergence({ student, teacher, tokens: input("y", [N + 1], "i32"), objective: base }),
      ObjectiveError,
    );
  });
});
