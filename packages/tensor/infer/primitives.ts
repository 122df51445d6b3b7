/** Operations that a backend may claim, and the native ones. */
import { broadcastShapes, sameShape, type Shape } from "../shape.ts";
import type { TensorType } from "../tensor.ts";
import { expectDTypes, expectFloats, expectShape, isSize, type Types } from "./expect.ts";

export const rope = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  const [x, cos, sin] = inputs as [TensorType, TensorType, TensorType];
  const half = [...x.shape.slice(0, -1), x.shape.at(-1)! / 2];
  const fits = (table: Shape): boolean => {
    const joint = broadcastShapes(table, half);
    return joint !== undefined && sameShape(joint, half);
  };
  expectShape(
    x.shape.length === 4 && x.shape[3]! % 2 === 0 && fits(cos.shape) && fits(sin.shape),
    op,
    "x [B,H,T,D] with even D, and cos and sin that broadcast to [B,H,T,D/2]",
    inputs,
    "tables hold D/2 columns",
  );
  return [x];
};

export const rmsNorm = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  const [x, weight] = inputs as [TensorType, TensorType];
  expectShape(
    x.shape.length > 0 && sameShape(weight.shape, x.shape.slice(-1)),
    op,
    "x [...,D] and weight [D]",
    inputs,
    "the weight has one value for each element of the last axis",
  );
  return [x];
};

export const rmsNormGradient = (op: string, inputs: Types): Types => {
  const [x, weight, g] = inputs as [TensorType, TensorType, TensorType];
  rmsNorm(op, [x, weight]);
  expectFloats(op, inputs);
  expectShape(
    sameShape(g.shape, x.shape),
    op,
    "a gradient of the shape of x",
    inputs,
    "gradient() makes this node",
  );
  return [x, weight];
};

export const attention = (
  op: string,
  inputs: Types,
  { causal }: { readonly causal: boolean },
): Types => {
  expectFloats(op, inputs);
  const [q, k, v, mask] = inputs as [TensorType, TensorType, TensorType, TensorType?];
  const ranks = [q, k, v].every(({ shape }) => shape.length === 4);
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S] = k.shape as [number, number, number];
  expectShape(
    ranks &&
      sameShape(k.shape, [B, G, S, D]) &&
      sameShape(v.shape.slice(0, 3), [B, G, S]) &&
      H % G === 0,
    op,
    "q [B,H,T,D], k [B,G,S,D], v [B,G,S,D] with H a multiple of G",
    inputs,
    "queries share the key and value heads in equal groups",
  );
  expectShape(
    !causal || S >= T,
    op,
    "at least as many keys as queries when causal",
    inputs,
    "the last T keys belong to the T queries",
  );
  if (mask !== undefined) {
    const joint = broadcastShapes(mask.shape, [B, 1, T, S]);
    expectShape(
      joint !== undefined && sameShape(joint, [B, 1, T, S]),
      op,
      "a mask that broadcasts to [B,1,T,S]",
      inputs,
      "the mask is additive and the same for all heads",
    );
  }
  return [
    { shape: [B, H, T, v.shape[3]!], dtype: q.dtype },
    { shape: [B, H, T, 2], dtype: q.dtype },
  ];
};

export const attentionGradient = (
  op: string,
  inputs: Types,
  attributes: { readonly causal: boolean },
): Types => {
  expectFloats(op, inputs);
  const [q, k, v, out, rows, g, ...mask] = inputs as [
    TensorType,
    TensorType,
    TensorType,
    TensorType,
    TensorType,
    TensorType,
  ];
  const [mixed, numbers] = attention(op, [q, k, v, ...mask], attributes) as [
    TensorType,
    TensorType,
  ];
  expectShape(
    sameShape(out.shape, mixed.shape) &&
      sameShape(g.shape, mixed.shape) &&
      sameShape(rows.shape, numbers.shape),
    op,
    "the results of attention on q, k and v, and a gradient of the first one's shape",
    inputs,
    "gradient() makes this node",
  );
  return [q, k, v];
};

export const cachedAttention = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  const [q, k, v, keys, values, mask] = inputs as [
    TensorType,
    TensorType,
    TensorType,
    TensorType,
    TensorType,
    TensorType,
  ];
  const [B, G, , D] = q.shape as [number, number, number, number];
  const C = keys.shape[2]!;
  expectShape(
    q.shape.length === 4 &&
      [k, v].every(({ shape }) => sameShape(shape, [B, G, 1, D])) &&
      [keys, values].every(({ shape }) => sameShape(shape, [B, G, C, D])) &&
      sameShape(mask.shape, [B, 1, 1, C]),
    op,
    "q [B,G,R,D], k and v [B,G,1,D], keys and values [B,G,C,D], mask [B,1,1,C]",
    inputs,
    "R query heads share a key head",
  );
  return [q];
};

export const adamw = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  const [p, g, m, v, hyper] = inputs as [
    TensorType,
    TensorType,
    TensorType,
    TensorType,
    TensorType,
  ];
  expectShape(
    [g, m, v].every(({ shape }) => sameShape(shape, p.shape)) && sameShape(hyper.shape, [8]),
    op,
    "p, g, m and v of one shape and hyper [8]",
    inputs,
    "hyper is lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2, gradScale",
  );
  return [p, m, v];
};

export const scaledPair = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  const [a, b, scale] = inputs as [TensorType, TensorType, TensorType];
  expectShape(
    sameShape(a.shape, b.shape) && sameShape(scale.shape, [1]),
    op,
    "two tensors of one shape and a factor [1]",
    inputs,
    "the factor is an input of shape [1], never baked in",
  );
  return [a];
};

export const sumSquares = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  return [{ shape: [1], dtype: inputs[0]!.dtype }];
};

export const cacheWrite = (op: string, inputs: Types): Types => {
  const [cache, rows, positions] = inputs as [TensorType, TensorType, TensorType];
  expectDTypes(cache.dtype === rows.dtype, op, "cache and rows of one dtype", inputs.slice(0, 2));
  expectDTypes(positions.dtype === "i32", op, "i32 positions", [positions]);
  const [B, G, C, D] = cache.shape as [number, number, number, number];
  const T = rows.shape[2]!;
  expectShape(
    cache.shape.length === 4 &&
      sameShape(rows.shape, [B, G, T, D]) &&
      T <= C &&
      sameShape(positions.shape, [B]),
    op,
    "cache [B,G,C,D], rows [B,G,T,D] with T ≤ C, and positions [B]",
    inputs,
    "positions holds the first row of each sequence",
  );
  return [cache];
};

export const sample = (
  op: string,
  inputs: Types,
  { topK: k }: { readonly topK: number },
): Types => {
  expectFloats(op, inputs);
  const [logits, ...perRow] = inputs as [TensorType, TensorType, TensorType, TensorType];
  const [B, V] = logits.shape as [number, number];
  expectShape(
    logits.shape.length === 2 && V > 0 && perRow.every(({ shape }) => sameShape(shape, [B])),
    op,
    "logits [B,V] and uniforms, temperature and topP [B]",
    inputs,
    "one value for every row",
  );
  expectShape(
    isSize(k),
    op,
    `topK to be 0 (off) or more (topK is ${k})`,
    inputs,
    "pass a whole number",
  );
  return [
    { shape: [B], dtype: "i32" },
    { shape: [B], dtype: logits.dtype },
  ];
};
