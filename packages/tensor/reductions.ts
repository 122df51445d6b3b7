/** Operations that make many elements one. Axes may be negative; without axes all are reduced. */
import { apply } from "./apply.ts";
import { add, exp, log, mul, sub } from "./elementwise.ts";
import { reshape, resolveAxis } from "./movement.ts";
import { reducedShape, sizeOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import { stopGradient } from "./custom_vjp.ts";

/** Axes to reduce, counted from the end where negative. */
export type Axes = number | ReadonlyArray<number>;

const resolveAxes = (op: string, x: Tensor, axes: Axes | undefined): ReadonlyArray<number> => {
  const rank = x.shape.length;
  if (axes === undefined) return x.shape.map((_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const resolved = new Set(list.map((axis) => resolveAxis(op, axis, rank)));
  return [...resolved].toSorted((a, b) => a - b);
};

/** Sum over axes. */
export const sum = (x: Tensor, axes?: Axes, keepDims = false): Tensor =>
  apply("sum", [x], { axes: resolveAxes("sum", x, axes), keepDims });

/** Greatest over axes; equal elements share the gradient evenly. */
export const max = (x: Tensor, axes?: Axes, keepDims = false): Tensor =>
  apply("max", [x], { axes: resolveAxes("max", x, axes), keepDims });

/** Mean over axes: the sum times one over the count. */
export const mean = (x: Tensor, axes?: Axes, keepDims = false): Tensor => {
  const count = sizeOf(resolveAxes("mean", x, axes).map((axis) => x.shape[axis]!));
  return mul(sum(x, axes, keepDims), 1 / count);
};

/** log Σ eˣ along one axis, shifted by the greatest so that nothing overflows. */
export const logSumExp = (x: Tensor, axis = -1, keepDims = false): Tensor => {
  const greatest = stopGradient(max(x, axis, true));
  const kept = add(log(sum(exp(sub(x, greatest)), axis, true)), greatest);
  if (keepDims) return kept;
  return reshape(
    kept,
    reducedShape(x.shape, [resolveAxis("logSumExp", axis, x.shape.length)], false),
  );
};
