/** The primitives in terms of core operations: their definition, their gradient, and what runs where nobody claims them. */
import { attributesOf } from "./apply.ts";
import { attention, attentionGradient, cachedAttention } from "./attention_composites.ts";
import { add, div, mul, rsqrt, sqrt, sub } from "./elementwise.ts";
import { matMul } from "./linear.ts";
import { concat, reshape, slice, split } from "./movement.ts";
import { mean, sum } from "./reductions.ts";
import { sizeOf } from "./shape.ts";
import type { Node, Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

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
const reciprocalRms = (x: Tensor, eps: number): Tensor =>
  rsqrt(add(mean(mul(x, x), -1, true), eps));

const rmsNorm = (node: Node): ReadonlyArray<Tensor> => {
  const [x, weight] = node.inputs as [Tensor, Tensor];
  const { eps } = attributesOf(node, "rmsNorm");
  return [mul(mul(x, reciprocalRms(x, eps)), weight)];
};

/**
 * With u = g·x and r the reciprocal root: dx = r·g·weight − x·r³·(Σ u·weight)/D, dweight = Σ r·u. Both sums are products
 * of u with a vector, which is all that has to be read of it.
 */
const rmsNormGradient = (node: Node): ReadonlyArray<Tensor> => {
  const [x, weight, g] = node.inputs as [Tensor, Tensor, Tensor];
  const D = weight.shape[0]!;
  const r = reciprocalRms(x, attributesOf(node, "rmsNormGradient").eps);
  const rows = sizeOf(r.shape);
  const products = reshape(mul(g, x), [rows, D]);
  const along = reshape(matMul(products, reshape(weight, [D, 1])), r.shape);
  const cube = mul(mul(r, mul(r, r)), 1 / D);
  return [
    sub(mul(mul(g, weight), r), mul(x, mul(along, cube))),
    reshape(matMul(reshape(r, [1, rows]), products), weight.shape),
  ];
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
  rmsNormGradient,
  attention,
  attentionGradient,
  cachedAttention,
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
