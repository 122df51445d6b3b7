/** Reductions, products, the softmax family and indexing. */
import { broadcastShapes, reducedShape, sameShape } from "../shape.ts";
import type { TensorType } from "../tensor.ts";
import { ShapeError } from "../tensor_error.ts";
import { floatUnary, numericUnary } from "./elementwise.ts";
import {
  expectDTypes,
  expectFloats,
  expectIds,
  expectShape,
  isSize,
  shapesOf,
  type Types,
} from "./expect.ts";

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
