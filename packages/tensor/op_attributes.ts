/** What each operation needs to know besides its tensors. */
import type { Shape } from "./shape.ts";
import type { ConstantData, DType } from "./tensor.ts";

type None = Readonly<Record<never, never>>;
type Axes = { readonly axes: ReadonlyArray<number>; readonly keepDims: boolean };

/** The attributes of each operation. Axes are non-negative and ascending; slice, pad and transpose name every axis. */
export interface OpAttributes {
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  constant: {
    readonly data: ConstantData;
    readonly shape: Shape;
    readonly dtype: DType;
  };
  full: { readonly value: number; readonly shape: Shape; readonly dtype: DType };
  neg: None;
  exp: None;
  log: None;
  expm1: None;
  sqrt: None;
  rsqrt: None;
  reciprocal: None;
  sigmoid: None;
  silu: None;
  tanh: None;
  abs: None;
  pow: { readonly exponent: number };
  cast: { readonly dtype: DType };
  add: None;
  sub: None;
  mul: None;
  div: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  lessEqual: None;
  logicalAnd: None;
  where: None;
  sum: Axes;
  max: Axes;
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: ReadonlyArray<number> };
  slice: { readonly starts: ReadonlyArray<number>; readonly ends: ReadonlyArray<number> };
  concat: { readonly axis: number };
  pad: {
    readonly before: ReadonlyArray<number>;
    readonly after: ReadonlyArray<number>;
    readonly value: number;
  };
  broadcastTo: { readonly shape: Shape };
  matMul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  softmax: None;
  logSoftmax: None;
  gatherRows: None;
  scatterAddRows: { readonly size: number };
  gatherLast: None;
  scatterAddLast: { readonly size: number };
  topK: { readonly k: number };
  rope: None;
  rmsNorm: { readonly eps: number };
  rmsNormGradient: { readonly eps: number };
  attention: { readonly scale: number; readonly causal: boolean };
  attentionGradient: { readonly scale: number; readonly causal: boolean };
  cachedAttention: { readonly scale: number };
  adamw: None;
  lerp: None;
  axpy: None;
  sumSquares: None;
  cacheWrite: None;
  sample: { readonly topK: number };
  stopGradient: None;
  customVjp: None;
}

/** Names of all operations. */
export type OpName = keyof OpAttributes;
