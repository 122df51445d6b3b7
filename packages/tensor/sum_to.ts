import { reshape } from "./movement.ts";
import { sum } from "./reductions.ts";
import { sameShape, type Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** The gradient of a broadcast: sums x over the axes along which `shape` was stretched to x's shape. */
export const sumTo = (x: Tensor, shape: Shape): Tensor => {
  if (sameShape(x.shape, shape)) return x;
  const missing = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, axis) =>
    axis < missing || (shape[axis - missing] === 1 && size !== 1) ? [axis] : [],
  );
  const summed = axes.length === 0 ? x : sum(x, axes);
  return reshape(summed, shape);
};
