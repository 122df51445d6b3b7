/** Operations that move elements. */
import { broadcastShapes, sameShape, type Shape, sizeOf } from "../shape.ts";
import { expectDTypes, expectShape, isSize, shapesOf, type Types } from "./expect.ts";

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
