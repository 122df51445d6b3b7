/** Loss, statistics and gradient of a few samples under a linear policy, in double precision. */
import type { Objective, TrainSample } from "@resd/core";
import {
  crossEntropy,
  distribution,
  entropy,
  policyGradient,
  tokenDivergence,
  tokenLogProb,
} from "@resd/objectives";
import {
  gradient,
  graph,
  input,
  interpret,
  matMul,
  mul,
  stopGradient,
  sum,
  type Tensor,
} from "@resd/tensor";
import { features } from "./features.ts";

/** Student and teacher weights [2V,V]. */
export interface LinearWeights {
  readonly student: Float64Array;
  readonly teacher: Float64Array;
}

export interface MicroBatch {
  /** Σ c·ℓ. */
  readonly loss: number;
  /** [2V,V]. */
  readonly gradient: Float64Array;
  /** Statistics by name, one value per suffix token, samples one after another. */
  readonly perToken: Readonly<Record<string, ArrayLike<number>>>;
}

interface Rows {
  readonly logits: Tensor;
  readonly teacher: Tensor;
  readonly tokens: Tensor;
  readonly oldLogProb: Tensor;
  readonly advantage: Tensor;
}

const perTokenLoss = (objective: Objective, rows: Rows): Readonly<Record<string, Tensor>> => {
  const { logits, teacher, tokens } = rows;
  if (objective._tag === "Distill") {
    return { ...tokenDivergence({ student: logits, teacher, tokens, objective }) };
  }
  const { loss, clamped } =
    objective._tag === "CrossEntropy"
      ? { loss: crossEntropy({ logits, tokens }), clamped: undefined }
      : (({ loss: clipped, clipped: share }) => ({ loss: clipped, clamped: share }))(
          policyGradient({ ...rows, objective }),
        );
  const [p, q] = [distribution(stopGradient(logits)), distribution(teacher)];
  return {
    loss,
    divergence: stopGradient(loss),
    clamped: clamped ?? mul(stopGradient(loss), 0),
    logProb: tokenLogProb(p.logits, tokens, p),
    teacherLogProb: tokenLogProb(teacher, tokens, q),
    studentEntropy: entropy(p),
    teacherEntropy: entropy(q),
  };
};

const joined = (parts: ReadonlyArray<ArrayLike<number>>): Float64Array =>
  Float64Array.from(parts.flatMap((part) => Array.from(part)));

/** `c` holds the coefficients of each sample's suffix tokens, from the whole batch. */
export const runMicroBatch = (
  samples: ReadonlyArray<TrainSample>,
  c: ReadonlyArray<Float64Array>,
  objective: Objective,
  weights: LinearWeights,
  V: number,
): MicroBatch => {
  const N = c.reduce((total, row) => total + row.length, 0);
  const student = input("student", [2 * V, V]);
  const outputs = perTokenLoss(objective, {
    logits: matMul(input("x", [N, 2 * V]), student),
    teacher: matMul(input("xT", [N, 2 * V]), input("teacher", [2 * V, V])),
    tokens: input("tokens", [N], "i32"),
    oldLogProb: input("old", [N]),
    advantage: input("advantage", [N]),
  });
  const total = sum(mul(outputs.loss as Tensor, input("c", [N])));
  const side = (of: "student" | "teacher"): Float64Array =>
    joined(
      samples.map((sample) => {
        const { ids, from } = sample[of] ?? sample.student;
        return features(ids, from, V);
      }),
    );
  const program = graph({ ...outputs, total, weights: gradient(total, [student])[0] as Tensor });
  const result = interpret(program, {
    ...weights,
    x: side("student"),
    xT: side("teacher"),
    tokens: joined(samples.map(({ student: { ids, from } }) => ids.subarray(from))),
    c: joined(c),
    old: joined(samples.map(({ behaviour }) => behaviour)),
    advantage: joined(samples.map(({ mask, advantage }) => Array.from(mask, () => advantage ?? 0))),
  });
  const { total: loss, weights: gradients, ...perToken } = result;
  return {
    loss: loss?.[0] ?? 0,
    gradient: Float64Array.from(gradients ?? []),
    perToken,
  };
};
