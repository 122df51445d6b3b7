/** Where a view's element lies in what it views: arithmetic on flat row-major positions. */
import type { Shape } from "@resd/tensor";
import type { Writer } from "./writer.ts";

/** Steps in a row-major array between neighbours along each axis. */
export const stridesOf = (shape: Shape): ReadonlyArray<number> => {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  }
  return strides;
};

/** Strides that read an array of `shape` as if it had the shape `target` that it broadcasts to. */
export const broadcastStrides = (shape: Shape, target: Shape): ReadonlyArray<number> => {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) =>
    axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]!,
  );
};

interface Run {
  readonly size: number;
  readonly stride: number;
  /** Elements of the axes inside. */
  readonly inner: number;
}

/** Axes joined where one stride leads through both, outermost first. */
const joined = (shape: Shape, strides: ReadonlyArray<number>): ReadonlyArray<Run> => {
  const runs: Array<Run> = [];
  let inner = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    if (size === 1) continue;
    const last = runs[0];
    const stride = strides[axis]!;
    if (last !== undefined && stride === last.stride * last.size) {
      runs[0] = { size: last.size * size, stride: last.stride, inner: last.inner };
    } else runs.unshift({ size, stride, inner });
    inner *= size;
  }
  return runs;
};

/**
 * What becomes of four neighbours, of which the first is at a multiple of four, in a view: neighbours again (`run`), one element four
 * times (`same`), or anything else.
 */
export const foursIn = (
  shape: Shape,
  strides: ReadonlyArray<number>,
  offset: number,
): "run" | "same" | undefined => {
  const runs = joined(shape, strides);
  const inner = runs.at(-1);
  if (inner === undefined || inner.size % 4 !== 0) return undefined;
  if (inner.stride === 0) return "same";
  const whole = offset % 4 === 0 && runs.slice(0, -1).every(({ stride }) => stride % 4 === 0);
  return inner.stride === 1 && whole ? "run" : undefined;
};

/**
 * The position offset + Σ coordinate·stride of the element that is number `flat` of `shape` in row-major order.
 * Offsets may be negative as long as the sum is not.
 */
export const viewIndex = (
  writer: Writer,
  shape: Shape,
  flat: string,
  strides: ReadonlyArray<number>,
  offset = 0,
): string => {
  const runs = joined(shape, strides);
  const terms: Array<string> = [];
  runs.forEach(({ size, stride, inner }, position) => {
    if (stride === 0) return;
    const above = inner === 1 ? flat : writer.let(`${flat} / ${writer.u(inner)}`);
    const coordinate = position === 0 ? above : writer.let(`${above} % ${writer.u(size)}`);
    terms.push(stride === 1 ? coordinate : `${coordinate} * ${writer.u(stride)}`);
  });
  if (offset !== 0) terms.push(writer.u(offset));
  return terms.length === 0 ? "0u" : writer.let(terms.join(" + "));
};

/** The coordinate along one axis of the element that is number `flat` of `shape`. */
export const coordinate = (writer: Writer, shape: Shape, flat: string, axis: number): string => {
  const strides = shape.map((_, other) => (other === axis ? 1 : 0));
  return viewIndex(writer, shape, flat, strides);
};
