/** Sources and operations on each element. */
import { broadcastShapes, type Shape } from "../shape.ts";
import type { DType, TensorType } from "../tensor.ts";
import { ShapeError } from "../tensor_error.ts";
import { expectDTypes, expectFloats, expectShape, isSize, shapesOf, type Types } from "./expect.ts";

export const source = (op: string, _inputs: Types, { shape, dtype }: TensorType): Types => {
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

export const customVjp = (_op: string, inputs: Types): Types => [inputs.at(-1)!];

export const floatUnary = (op: string, inputs: Types): Types => {
  expectFloats(op, inputs);
  return [inputs[0]!];
};

export const numericUnary = (op: string, inputs: Types): Types => {
  expectDTypes(inputs[0]!.dtype !== "bool", op, "numbers", inputs);
  return [inputs[0]!];
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
