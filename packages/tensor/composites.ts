/** The primitives in terms of core operations: their definition, their gradient, and what runs where nobody claims them. */
import { attributesOf } from "./apply.ts";
import { add, div, lessEqual, mul, rsqrt, sqrt, sub, where } from "./elementwise.ts";
import { matMul, softmax } from "./linear.ts";
import { concat, reshape, slice, split } from "./movement.ts";
import { mean, sum } from "./reductions.ts";
import { constant, full } from "./sources.ts";
import type { DType, Node, Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

/** What is added to hide a key: finite, so that a row that sees nothing stays a number; f16 ends at 65504. */
const hiddenScore = (dtype: DType): number => (dtype === "f16" ? -6e4 : -1e9);

const scalar = (x: Tensor, index = 0): Tensor => reshape(slice(x, [index], [index + 1]), []);

const rope = ({ inputs }: Node): ReadonlyArray<Tensor> => {
  const [x, cos, sin] = inputs as [Tensor, Tensor, Tensor];
  const half = x.shape[3]! / 2;
  const [first, second] = split(x, [half, half], -1) as [Tensor, Tensor];
  return [
    concat([sub(mul(first, cos), mul(second, sin)), add(mul(second, cos), mul(first, sin))], -1),
  ];
};

/** rsqrt(mean(x²) + eps) over the last axis, kept as [...,1]: forward and backward share it. */
export const reciprocalRms = (x: Tensor, eps: number): Tensor =>
  rsqrt(add(mean(mul(x, x), -1, true), eps));

const rmsNorm = (node: Node): ReadonlyArray<Tensor> => {
  const [x, weight] = node.inputs as [Tensor, Tensor];
  const { eps } = attributesOf(node, "rmsNorm");
  return [mul(mul(x, reciprocalRms(x, eps)), weight)];
};

/** 0 where query t may see key s, else hidden: [T,S], from two small constants. */
const causalMask = (T: number, S: number, dtype: DType): Tensor => {
  const range = (size: number, from: number) =>
    Int32Array.from({ length: size }, (_, i) => i + from);
  const last = constant(range(T, S - T), [T, 1], "i32");
  const key = constant(range(S, 0), [1, S], "i32");
  return where(lessEqual(key, last), full(0, [], dtype), full(hiddenScore(dtype), [], dtype));
};

const attention = (node: Node): ReadonlyArray<Tensor> => {
  const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor?];
  const { scale, causal } = attributesOf(node, "attention");
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S] = k.shape as [number, number, number];
  const group = H / G;
  // The query heads of one key head are folded into T: one product a side, and k and v are never repeated.
  const folded = reshape(q, [B, G, group * T, D]);
  const products = matMul(folded, k, { transB: true, alpha: scale });
  let scores = reshape(products, [B, G, group, T, S]);
  if (mask !== undefined) {
    const aligned = [...Array.from({ length: 4 - mask.shape.length }, () => 1), ...mask.shape];
    scores = add(scores, reshape(mask, [aligned[0]!, 1, ...aligned.slice(1)]));
  }
  if (causal) scores = add(scores, causalMask(T, S, q.dtype));
  const weights = reshape(softmax(scores), [B, G, group * T, S]);
  return [reshape(matMul(weights, v), [B, H, T, v.shape[3]!])];
};

const adamw = ({ inputs }: Node): ReadonlyArray<Tensor> => {
  const [p, g, m, v, hyper] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [lr, beta1, beta2, eps, decay, correction1, correction2, gradScale] = Array.from(
    { length: 8 },
    (_, index) => scalar(hyper, index),
  ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const scaled = mul(g, gradScale);
  const nextM = add(mul(m, beta1), mul(scaled, sub(1, beta1)));
  const nextV = add(mul(v, beta2), mul(mul(scaled, scaled), sub(1, beta2)));
  const denominator = add(div(sqrt(nextV), sqrt(correction2)), eps);
  const decayed = mul(p, sub(1, mul(lr, decay)));
  const nextP = sub(decayed, mul(div(lr, correction1), div(nextM, denominator)));
  return [nextP, nextM, nextV];
};

const lerp = ({ inputs }: Node): ReadonlyArray<Tensor> => {
  const [a, b, rate] = inputs as [Tensor, Tensor, Tensor];
  return [add(a, mul(scalar(rate), sub(b, a)))];
};

const axpy = ({ inputs }: Node): ReadonlyArray<Tensor> => {
  const [a, b, scale] = inputs as [Tensor, Tensor, Tensor];
  return [add(a, mul(scalar(scale), b))];
};

const sumSquares = ({ inputs }: Node): ReadonlyArray<Tensor> => {
  const [x] = inputs as [Tensor];
  return [reshape(sum(mul(x, x)), [1])];
};

const COMPOSITES: Readonly<Record<string, (node: Node) => ReadonlyArray<Tensor>>> = {
  rope,
  rmsNorm,
  attention,
  adamw,
  lerp,
  axpy,
  sumSquares,
};

/** The outputs of a primitive's node as core operations on its inputs. Throws a TensorError for any other kind. */
export const decompose = (node: Node): ReadonlyArray<Tensor> => {
  const composite = COMPOSITES[node.op];
  if (composite === undefined) {
    throw new TensorError(
      `decompose: Expected one of the primitives ${Object.keys(COMPOSITES).join(", ")}, got ${node.op}; a backend runs every other operation itself`,
    );
  }
  return composite(node);
};
