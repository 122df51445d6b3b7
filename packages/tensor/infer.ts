/** Shape and dtype inference of every operation; `OPS` says which operation uses which. */
import { broadcastShapes, reducedShape, sameShape, type Shape, sizeOf } from "./shape.ts";
import { type DType, isFloat, type TensorType } from "./tensor.ts";
import { ShapeError, TensorError } from "./tensor_error.ts";

type Types = ReadonlyArray<TensorType>;
type Shapes = { readonly shape: Shape; readonly dtype: DType };

const shapesOf = (inputs: Types): ReadonlyArray<Shape> => inputs.map(({ shape }) => shape);

const expectShape = (
  holds: boolean,
  op: string,
  expected: string,
  inputs: Types,
  remedy: string,
): void => {
  if (!holds) throw new ShapeError(op, expected, shapesOf(inputs), remedy);
};

const expectDTypes = (holds: boolean, op: string, expected: string, inputs: Types): void => {
  if (holds) return;
  const got = inputs.map(({ dtype }) => dtype).join(" and ");
  throw new TensorError(`${op}: Expected ${expected}, got ${got}; convert with cast(x, dtype)`);
};

const isSize = (size: number): boolean => Number.isInteger(size) && size >= 0;

const expectFloats = (op: string, inputs: Types): void =>
  expectDTypes(
    isFloat(inputs[0]!.dtype) && inputs.every(({ dtype }) => dtype === inputs[0]!.dtype),
    op,
    "floats of one dtype",
    inputs,
  );

const expectIds = (op: string, ids: TensorType): void =>
  expectDTypes(ids.dtype === "i32", op, "i32 ids", [ids]);

export const source = (op: string, _inputs: Types, { shape, dtype }: Shapes): Types => {
  expectShape(
    shape.every(isSize),
    op,
    "non-negative whole sizes",
    [{ shape, dtype }],
    "shapes are static: give every size",
  );
  return [{ shape, dtype }];
};

export const identity = (_op: string, inputs: Types): Types => [inputs[0]!];

export const floatUnary = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  return [inputs[0]!];
};

export const numericUnary = (op: string, inputs: Types): Types => {
  expectDTypes(inputs[0]!.dtype !== "bool", op, "numbers", inputs);
  return [inputs[0]!];
};

export const rowwise = (op: string, inputs: Types): Types => {
  expectShape(
    inputs[0]!.shape.length > 0,
    op,
    "at least one axis",
    inputs,
    "it works on the last axis",
  );
  return floatUnary(op, inputs);
};

export const cast = (_op: string, [x]: Types, { dtype }: { readonly dtype: DType }): Types => [
  { shape: x!.shape, dtype },
];

const broadcast = (op: string, inputs: Types): Shape => {
  let shape: Shape = [];
  for (const input of inputs) {
    const next = broadcastShapes(shape, input.shape);
    if (next === undefined) {
      throw new ShapeError(
        op,
        "shapes that broadcast",
        shapesOf(inputs),
        "aligned at the last axis, sizes must be equal or 1: reshape one of them",
      );
    }
    shape = next;
  }
  return shape;
};

export const numericBinary = (op: string, inputs: Types): Types => {
  const [a, b] = inputs as [TensorType, TensorType];
  expectDTypes(a.dtype === b.dtype && a.dtype !== "bool", op, "numbers of one dtype", inputs);
  return [{ shape: broadcast(op, inputs), dtype: a.dtype }];
};

export const floatBinary = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  return numericBinary(op, inputs);
};

export const comparison = (op: string, inputs: Types): Types => {
  const [a, b] = inputs as [TensorType, TensorType];
  expectDTypes(a.dtype === b.dtype, op, "operands of one dtype", inputs);
  return [{ shape: broadcast(op, inputs), dtype: "bool" }];
};

export const logical = (op: string, inputs: Types): Types => {
  expectDTypes(
    inputs.every(({ dtype }) => dtype === "bool"),
    op,
    "bool and bool",
    inputs,
  );
  return [{ shape: broadcast(op, inputs), dtype: "bool" }];
};

export const where = (op: string, inputs: Types): Types => {
  const [condition, a, b] = inputs as [TensorType, TensorType, TensorType];
  expectDTypes(
    condition.dtype === "bool" && a.dtype === b.dtype,
    op,
    "a bool condition and two values of one dtype",
    inputs,
  );
  return [{ shape: broadcast(op, inputs), dtype: a.dtype }];
};

export const reduction = (
  op: string,
  inputs: Types,
  { axes, keepDims }: { readonly axes: ReadonlyArray<number>; readonly keepDims: boolean },
): Types => {
  const [x] = numericUnary(op, inputs) as [TensorType];
  const empty = op === "max" && axes.some((axis) => x.shape[axis] === 0);
  expectShape(!empty, op, "axes with elements", inputs, "the greatest of nothing is undefined");
  return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: x.dtype }];
};

export const reshape = (op: string, [x]: Types, { shape }: { readonly shape: Shape }): Types => {
  const target = { shape, dtype: x!.dtype };
  expectShape(
    shape.every(isSize) && sizeOf(shape) === sizeOf(x!.shape),
    op,
    "as many elements as before",
    [x!, target],
    "one size may be -1 to be computed",
  );
  return [target];
};

export const transpose = (
  op: string,
  inputs: Types,
  { perm }: { readonly perm: ReadonlyArray<number> },
): Types => {
  const { shape, dtype } = inputs[0]!;
  const sorted = perm.toSorted((a, b) => a - b);
  expectShape(
    perm.length === shape.length && sorted.every((axis, index) => axis === index),
    op,
    `a permutation of all axes (perm is [${perm.join(",")}])`,
    inputs,
    "name every axis once",
  );
  return [{ shape: perm.map((axis) => shape[axis]!), dtype }];
};

export const slice = (
  op: string,
  inputs: Types,
  {
    starts,
    ends,
  }: { readonly starts: ReadonlyArray<number>; readonly ends: ReadonlyArray<number> },
): Types => {
  const { shape, dtype } = inputs[0]!;
  const fits = (size: number, axis: number): boolean =>
    isSize(starts[axis]!) &&
    isSize(ends[axis]!) &&
    starts[axis]! <= ends[axis]! &&
    ends[axis]! <= size;
  expectShape(
    starts.length === shape.length && ends.length === shape.length && shape.every(fits),
    op,
    `0 ≤ starts ≤ ends ≤ size on every axis (starts [${starts.join(",")}], ends [${ends.join(",")}])`,
    inputs,
    "give a start and an end for every axis",
  );
  return [{ shape: starts.map((start, axis) => ends[axis]! - start), dtype }];
};

export const concat = (op: string, inputs: Types, { axis }: { readonly axis: number }): Types => {
  expectShape(inputs.length > 0, op, "at least one tensor", inputs, "leave the concat out");
  const { shape, dtype } = inputs[0]!;
  expectDTypes(
    inputs.every((input) => input.dtype === dtype),
    op,
    "one dtype",
    inputs,
  );
  const fits = (other: Shape): boolean =>
    other.length === shape.length && other.every((size, i) => i === axis || size === shape[i]);
  expectShape(
    shapesOf(inputs).every(fits),
    op,
    `sizes to be equal on all axes but ${axis}`,
    inputs,
    "check the axis",
  );
  const total = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
  return [{ shape: shape.with(axis, total), dtype }];
};

export const pad = (
  op: string,
  inputs: Types,
  {
    before,
    after,
  }: { readonly before: ReadonlyArray<number>; readonly after: ReadonlyArray<number> },
): Types => {
  const { shape, dtype } = inputs[0]!;
  expectShape(
    [before, after].every((sizes) => sizes.length === shape.length && sizes.every(isSize)),
    op,
    `non-negative borders for every axis (before [${before.join(",")}], after [${after.join(",")}])`,
    inputs,
    "use slice to cut",
  );
  return [{ shape: shape.map((size, axis) => before[axis]! + size + after[axis]!), dtype }];
};

export const broadcastTo = (
  op: string,
  [x]: Types,
  { shape }: { readonly shape: Shape },
): Types => {
  const target = { shape, dtype: x!.dtype };
  const joint = broadcastShapes(x!.shape, shape);
  expectShape(
    joint !== undefined && sameShape(joint, shape),
    op,
    "a shape that stretches to the target",
    [x!, target],
    "aligned at the last axis, sizes must be equal or 1",
  );
  return [target];
};

export const matMul = (
  op: string,
  inputs: Types,
  { transA, transB }: { readonly transA: boolean; readonly transB: boolean },
): Types => {
  expectFloats(op, inputs);
  const [a, b] = inputs as [TensorType, TensorType];
  expectShape(
    a.shape.length >= 2 && b.shape.length >= 2,
    op,
    "two tensors of rank 2 or more",
    inputs,
    "reshape a vector to [1,n] or [n,1]",
  );
  const flags = transA || transB ? ` (transA ${transA}, transB ${transB})` : "";
  expectShape(
    a.shape.at(transA ? -2 : -1) === b.shape.at(transB ? -1 : -2),
    op,
    `inner dimensions to be equal${flags}`,
    inputs,
    "check the order of the operands, transA and transB",
  );
  const leading = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (leading === undefined) {
    throw new ShapeError(
      op,
      "leading dimensions that broadcast",
      shapesOf(inputs),
      "all axes but the last two must be equal or 1",
    );
  }
  return [
    {
      shape: [...leading, a.shape.at(transA ? -1 : -2)!, b.shape.at(transB ? -2 : -1)!],
      dtype: a.dtype,
    },
  ];
};

export const gatherRows = (op: string, inputs: Types): Types => {
  const [table, ids] = inputs as [TensorType, TensorType];
  expectIds(op, ids);
  expectShape(
    table.shape.length === 2,
    op,
    "a table [V,D] and ids",
    inputs,
    "reshape the table to two axes",
  );
  return [{ shape: [...ids.shape, table.shape[1]!], dtype: table.dtype }];
};

export const scatterAddRows = (
  op: string,
  inputs: Types,
  { size }: { readonly size: number },
): Types => {
  const [rows, ids] = inputs as [TensorType, TensorType];
  expectIds(op, ids);
  expectDTypes(rows.dtype !== "bool", op, "numbers as rows", inputs);
  expectShape(
    isSize(size) && sameShape(rows.shape, [...ids.shape, rows.shape.at(-1) ?? 0]),
    op,
    "rows [...,D] and ids [...] with the same leading axes",
    inputs,
    "one id for every row",
  );
  return [{ shape: [size, rows.shape.at(-1)!], dtype: rows.dtype }];
};

const sameLeading = (op: string, inputs: Types): void => {
  const [x, ids] = inputs as [TensorType, TensorType];
  expectIds(op, ids);
  expectShape(
    x.shape.length > 0 &&
      x.shape.length === ids.shape.length &&
      sameShape(x.shape.slice(0, -1), ids.shape.slice(0, -1)),
    op,
    "equal leading axes",
    inputs,
    "all axes but the last must be equal: use broadcastTo",
  );
};

export const gatherLast = (op: string, inputs: Types): Types => {
  sameLeading(op, inputs);
  return [{ shape: inputs[1]!.shape, dtype: inputs[0]!.dtype }];
};

export const scatterAddLast = (
  op: string,
  inputs: Types,
  { size }: { readonly size: number },
): Types => {
  sameLeading(op, inputs);
  const [values, ids] = inputs as [TensorType, TensorType];
  expectDTypes(values.dtype !== "bool", op, "numbers as values", inputs);
  expectShape(
    isSize(size) && sameShape(values.shape, ids.shape),
    op,
    "values and ids of one shape",
    inputs,
    "one id for every value",
  );
  return [{ shape: [...ids.shape.slice(0, -1), size], dtype: values.dtype }];
};

export const topK = (op: string, inputs: Types, { k }: { readonly k: number }): Types => {
  const { shape, dtype } = inputs[0]!;
  expectDTypes(dtype !== "bool", op, "numbers", inputs);
  expectShape(
    shape.length > 0 && Number.isInteger(k) && k >= 1 && k <= shape.at(-1)!,
    op,
    `1 ≤ k ≤ the last size (k is ${k})`,
    inputs,
    "clamp k to the vocabulary",
  );
  const out = [...shape.slice(0, -1), k];
  return [
    { shape: out, dtype },
    { shape: out, dtype: "i32" },
  ];
};

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
  return [{ shape: [B, H, T, v.shape[3]!], dtype: q.dtype }];
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

export const customVjp = (_op: string, inputs: Types): Types => [inputs.at(-1)!];
