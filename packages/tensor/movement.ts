/** Operations that move elements without changing them. */
import { apply } from "./apply.ts";
import { sameShape, type Shape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

/** Axis counted from the end when negative; throws a TensorError when there is none. */
export const resolveAxis = (op: string, axis: number, rank: number): number => {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new TensorError(
      `${op}: Expected an axis of ${rank} axes, got ${axis}; use 0 to ${rank - 1}, or -1 for the last`,
    );
  }
  return resolved;
};

/** The same elements in row-major order under another shape; one size may be -1. */
export const reshape = (x: Tensor, shape: Shape): Tensor => {
  const known = sizeOf(shape.filter((size) => size !== -1));
  const target = shape.map((size) => (size === -1 ? sizeOf(x.shape) / known : size));
  return apply("reshape", [x], { shape: target });
};

/** Axis i of the result is axis perm[i] of x. Without perm the last two axes swap. */
export const transpose = (x: Tensor, perm?: ReadonlyArray<number>): Tensor => {
  const rank = x.shape.length;
  const order = perm ?? [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
  return apply("transpose", [x], { perm: [...order] });
};

/** Elements starts ≤ i < ends of every axis. */
export const slice = (
  x: Tensor,
  starts: ReadonlyArray<number>,
  ends: ReadonlyArray<number>,
): Tensor => apply("slice", [x], { starts: [...starts], ends: [...ends] });

/** Elements start ≤ i < end of one axis, all of the others. */
export const sliceAxis = (x: Tensor, axis: number, start: number, end: number): Tensor => {
  const at = resolveAxis("slice", axis, x.shape.length);
  return slice(
    x,
    x.shape.map((_, i) => (i === at ? start : 0)),
    x.shape.with(at, end),
  );
};

/** Tensors one after another along an axis. */
export const concat = (list: ReadonlyArray<Tensor>, axis: number): Tensor =>
  apply("concat", list, { axis: resolveAxis("concat", axis, list[0]?.shape.length ?? 1) });

/** Cuts x along an axis into pieces of the given sizes, which add up to the axis. */
export const split = (
  x: Tensor,
  sizes: ReadonlyArray<number>,
  axis: number,
): ReadonlyArray<Tensor> => {
  const at = resolveAxis("split", axis, x.shape.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== x.shape[at]) {
    throw new TensorError(
      `split: Expected sizes that add up to ${x.shape[at]}, got [${sizes.join(",")}] at axis ${at}; cover the axis`,
    );
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return sliceAxis(x, at, start - size, start);
  });
};

/** A border of `value` before and after every axis. */
export const pad = (
  x: Tensor,
  before: ReadonlyArray<number>,
  after: ReadonlyArray<number>,
  value = 0,
): Tensor => apply("pad", [x], { before: [...before], after: [...after], value });

/** x stretched to a shape that it broadcasts to. */
export const broadcastTo = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : apply("broadcastTo", [x], { shape: [...shape] });
