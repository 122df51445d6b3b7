/** Attention, its gradient and attention over a cache in terms of core operations. */
import { attributesOf } from "./apply.ts";
import { add, exp, lessEqual, log, mul, sub, where } from "./elementwise.ts";
import { matMul, softmax } from "./linear.ts";
import { matMulGradient } from "./matmul_gradient.ts";
import { concat, reshape, sliceAxis } from "./movement.ts";
import { max, sum } from "./reductions.ts";

import { constant, full } from "./sources.ts";
import { sumTo } from "./sum_to.ts";
import type { DType, Node, Tensor, TensorType } from "./tensor.ts";

/** What is added to hide a key: finite, so that a row that sees nothing stays a number; f16 ends at 65504. */
const hiddenScore = (dtype: DType): number => (dtype === "f16" ? -6e4 : -1e9);

/** 0 where query t may see key s, else hidden: [T,S], from two small constants. */
const causalMask = (T: number, S: number, dtype: DType): Tensor => {
  const range = (size: number, from: number) =>
    Int32Array.from({ length: size }, (_, i) => i + from);
  const last = constant(range(T, S - T), [T, 1], "i32");
  const key = constant(range(S, 0), [1, S], "i32");
  return where(lessEqual(key, last), full(0, [], dtype), full(hiddenScore(dtype), [], dtype));
};

/** The mask with an axis for the query heads of a key head: it broadcasts to [B,G,R,T,S]. */
const alignedMask = (mask: Tensor): Tensor => {
  const aligned = [...Array.from({ length: 4 - mask.shape.length }, () => 1), ...mask.shape];
  return reshape(mask, [aligned[0]!, 1, ...aligned.slice(1)]);
};

interface AttentionSettings {
  readonly scale: number;
  readonly causal: boolean;
}

/** The steps from queries, keys and values to what attention found. */
const steps = (
  [q, k, v]: readonly [q: Tensor, k: Tensor, v: Tensor],
  mask: Tensor | undefined,
  { scale, causal }: AttentionSettings,
) => {
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S] = k.shape as [number, number, number];
  const group = H / G;
  // The query heads of one key head are folded into T: one product a side, and k and v are never repeated.
  const folded = reshape(q, [B, G, group * T, D]);
  const products = matMul(folded, k, { transB: true, alpha: scale });
  const unmasked = reshape(products, [B, G, group, T, S]);
  let scores = unmasked;
  if (mask !== undefined) scores = add(scores, alignedMask(mask));
  if (causal) scores = add(scores, causalMask(T, S, q.dtype));
  const weights = softmax(scores);
  const mixed = matMul(reshape(weights, [B, G, group * T, S]), v);
  return { products, scores, weights, mixed };
};

export const attention = (node: Node): ReadonlyArray<Tensor> => {
  const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor?];
  const { scores, mixed } = steps([q, k, v], mask, attributesOf(node, "attention"));
  const [out, rows] = node.outputs as readonly [TensorType, TensorType];
  const greatest = max(scores, -1, true);
  const rest = log(sum(exp(sub(scores, greatest)), -1, true));
  return [reshape(mixed, out.shape), reshape(concat([greatest, rest], -1), rows.shape)];
};

/** The gradient of the scores after masking, [B,G,R,T,S], and of what they are made from. */
const gradientsOf = (
  [q, k, v]: readonly [q: Tensor, k: Tensor, v: Tensor],
  mask: Tensor | undefined,
  g: Tensor,
  settings: AttentionSettings,
) => {
  const { products, scores, weights, mixed } = steps([q, k, v], mask, settings);
  const [ofWeights, dv] = matMulGradient(mixed.node, reshape(g, mixed.shape), [true, true]);
  const dWeights = reshape(ofWeights!, scores.shape);
  const dScores = mul(weights, sub(dWeights, sum(mul(dWeights, weights), -1, true)));
  const ofProducts = reshape(dScores, products.shape);
  const [dFolded, dk] = matMulGradient(products.node, ofProducts, [true, true]);
  return { dq: reshape(dFolded!, q.shape), dk: dk!, dv: dv!, dScores };
};

/** With P the weights and dP = g·vᵀ: dS = P·(dP − Σ dP·P), dq = scale·dS·k, dk = scale·dSᵀ·q, dv = Pᵀ·g. */
export const attentionGradient = (node: Node): ReadonlyArray<Tensor> => {
  const [q, k, v, , , g, mask] = node.inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor?,
  ];
  const settings = attributesOf(node, "attentionGradient");
  const { dq, dk, dv } = gradientsOf([q, k, v], mask, g, settings);
  return [dq, dk, dv];
};

/** The gradient of an attention node's mask: that of the scores, summed over what the mask is stretched over. */
export const maskGradient = (node: Node, g: Tensor): Tensor => {
  const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor];
  const { dScores } = gradientsOf([q, k, v], mask, g, attributesOf(node, "attention"));
  return reshape(sumTo(dScores, alignedMask(mask).shape), mask.shape);
};

export const cachedAttention = (node: Node): ReadonlyArray<Tensor> => {
  const [q, k, v, keys, values, mask] = node.inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const { scale: alpha } = attributesOf(node, "cachedAttention");
  const C = keys.shape[2]!;
  const past = add(matMul(q, keys, { transB: true, alpha }), mask);
  const own = matMul(q, k, { transB: true, alpha });
  const weights = softmax(concat([past, own], 3));
  return [
    add(matMul(sliceAxis(weights, 3, 0, C), values), matMul(sliceAxis(weights, 3, C, C + 1), v)),
  ];
};
