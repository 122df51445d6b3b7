/** Checks that the inference rules share; each throws a message that names the operation. */
import { type Shape } from "../shape.ts";
import { isFloat, type TensorType } from "../tensor.ts";
import { ShapeError, TensorError } from "../tensor_error.ts";

export type Types = ReadonlyArray<TensorType>;

export const shapesOf = (inputs: Types): ReadonlyArray<Shape> => inputs.map(({ shape }) => shape);

export const expectShape = (
  holds: boolean,
  op: string,
  expected: string,
  inputs: Types,
  remedy: string,
): void => {
  if (!holds) throw new ShapeError(op, expected, shapesOf(inputs), remedy);
};

export const expectDTypes = (holds: boolean, op: string, expected: string, inputs: Types): void => {
  if (holds) return;
  const got = inputs.map(({ dtype }) => dtype).join(" and ");
  throw new TensorError(`${op}: Expected ${expected}, got ${got}; convert with cast(x, dtype)`);
};

export const isSize = (size: number): boolean => Number.isInteger(size) && size >= 0;

export const expectFloats = (op: string, inputs: Types): void =>
  expectDTypes(
    isFloat(inputs[0]!.dtype) && inputs.every(({ dtype }) => dtype === inputs[0]!.dtype),
    op,
    "floats of one dtype",
    inputs,
  );

export const expectIds = (op: string, ids: TensorType): void =>
  expectDTypes(ids.dtype === "i32", op, "i32 ids", [ids]);
