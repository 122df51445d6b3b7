/** The buckets on which student and teacher are compared, and the way back from buckets to logits. */
import type { Support } from "@resd/core";
import {
  add,
  concat,
  div,
  exp,
  full,
  gatherLast,
  less,
  log,
  logSumExp,
  maximum,
  mul,
  neg,
  scatterAddLast,
  sliceAxis,
  sub,
  sum,
  type Tensor,
  topK,
  where,
} from "@resd/tensor";
import { type Distribution, entropy } from "./distribution.ts";

/** Student and teacher in the same buckets, per row. */
export interface Buckets {
  /** log s [N,b]. */
  readonly logS: Tensor;
  /** log t [N,b], not yet clamped. */
  readonly logT: Tensor;
  /** Entropies [N] in nats of the raw distributions: of their top-k part (no tail, not renormalised), or all of them. */
  readonly studentEntropy: Tensor;
  readonly teacherEntropy: Tensor;
  /** ∂ℓ/∂z [N,V] from h = ∂ℓ/∂ log s [N,b]: softmax backwards in closed form. */
  readonly pullBack: (h: Tensor) => Tensor;
}

/** Smallest mass of a tail bucket: −expm1(−1e-7). Below it the bucket is a constant. */
const SMALLEST_TAIL = -Math.expm1(-1e-7);

const rowSum = (x: Tensor): Tensor => sum(x, -1, true);
const rawEntropy = (logP: Tensor): Tensor => neg(sum(mul(exp(logP), logP), -1));

const fullBuckets = (student: Distribution, teacher: Distribution): Buckets => ({
  logS: sub(student.logits, student.logNormalizer),
  logT: sub(teacher.logits, teacher.logNormalizer),
  studentEntropy: entropy(student),
  teacherEntropy: entropy(teacher),
  pullBack: (h) => sub(h, mul(student.p, rowSum(h))),
});

/**
 * Tail masses are sums of the probabilities outside of I, not 1 minus those inside: in f32 the difference would be noise
 * just where forward KL divides by it. For the same reason the gradient is built from the probabilities outside of I
 * (exact zeros inside), so nothing of size 1/s_tail is ever subtracted from its like.
 */
const tailBuckets = (
  student: Distribution,
  teacher: Distribution,
  top: { readonly indices: Tensor; readonly logP: Tensor; readonly logQ: Tensor },
): Pick<Buckets, "logS" | "logT" | "pullBack"> => {
  const { indices, logP, logQ } = top;
  const { shape, dtype } = student.logits;
  const [N = 0, V = 0] = shape;
  const k = indices.shape[1] ?? 0;
  const outside = sub(1, scatterAddLast(full(1, [N, k], dtype), indices, V));
  const rest = mul(student.p, outside);
  const mass = rowSum(rest);
  const s = maximum(mass, SMALLEST_TAIL);
  const t = maximum(rowSum(mul(teacher.p, outside)), SMALLEST_TAIL);
  return {
    logS: concat([logP, log(s)], -1),
    logT: concat([logQ, log(t)], -1),
    pullBack: (h) => {
      const inside = sliceAxis(h, -1, 0, k);
      // A saturated tail is a constant: no gradient flows through it.
      const tail = where(less(SMALLEST_TAIL, mass), sliceAxis(h, -1, k, k + 1), 0);
      const H = add(rowSum(inside), tail);
      const sparse = sub(inside, mul(gatherLast(student.p, indices), H));
      const dense = mul(rest, sub(div(tail, s), H));
      return add(dense, scatterAddLast(sparse, indices, V));
    },
  };
};

const renormalizedBuckets = (
  V: number,
  top: { readonly indices: Tensor; readonly logP: Tensor; readonly logQ: Tensor },
): Pick<Buckets, "logS" | "logT" | "pullBack"> => {
  const logS = sub(top.logP, logSumExp(top.logP, -1, true));
  return {
    logS,
    logT: sub(top.logQ, logSumExp(top.logQ, -1, true)),
    pullBack: (h) => scatterAddLast(sub(h, mul(exp(logS), rowSum(h))), top.indices, V),
  };
};

/**
 * Buckets of a support over two distributions. Top-k takes the k' = min(k, V) largest *student* logits, reads the true
 * log-probabilities of both models there, and then adds a bucket for the rest (`tail`) or normalises both over the k'
 * (`renormalize`).
 */
export const buckets = (
  student: Distribution,
  teacher: Distribution,
  support: Exclude<Support, { readonly _tag: "sampled-token" }>,
): Buckets => {
  if (support._tag === "full") return fullBuckets(student, teacher);
  const V = student.logits.shape[1] ?? 0;
  const { values, indices } = topK(student.logits, Math.min(support.k, V));
  const logP = sub(values, student.logNormalizer);
  const logQ = sub(gatherLast(teacher.logits, indices), teacher.logNormalizer);
  const top = { indices, logP, logQ };
  return {
    ...(support.rest === "tail" ? tailBuckets(student, teacher, top) : renormalizedBuckets(V, top)),
    studentEntropy: rawEntropy(logP),
    teacherEntropy: rawEntropy(logQ),
  };
};
