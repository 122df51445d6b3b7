/** Sizes of the axes, outermost first; [] is a scalar. All shapes are static. */
export type Shape = ReadonlyArray<number>;

/** `[2,3]`, as messages and printed graphs show it. */
export const formatShape = (shape: Shape): string => `[${shape.join(",")}]`;

/** Number of elements. */
export const sizeOf = (shape: Shape): number => shape.reduce((size, axis) => size * axis, 1);

/** Whether two shapes agree in rank and every size. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** NumPy broadcasting: axes are aligned at the end, and size 1 stretches. Undefined where the shapes do not fit. */
export const broadcastShapes = (a: Shape, b: Shape): Shape | undefined => {
  const rank = Math.max(a.length, b.length);
  const shape: Array<number> = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
};

/** Steps in a row-major array between neighbours along each axis. */
export const stridesOf = (shape: Shape): ReadonlyArray<number> => {
  const strides: Array<number> = Array.from({ length: shape.length }, () => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
};

/** Strides that read an array of `shape` as if it had the shape `target` that it broadcasts to: 0 where it stretches. */
export const broadcastStrides = (shape: Shape, target: Shape): ReadonlyArray<number> => {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) => {
    const own = axis - missing;
    return own < 0 || shape[own] === 1 ? 0 : strides[own]!;
  });
};

/** The shape left by a reduction over `axes` (non-negative). */
export const reducedShape = (shape: Shape, axes: ReadonlyArray<number>, keepDims: boolean): Shape =>
  keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
