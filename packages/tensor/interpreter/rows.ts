/** Reductions, products and the softmax family. Sums are accumulated in f64 and rounded once. */
import { broadcastStrides, reducedShape, type Shape, sizeOf, stridesOf } from "../shape.ts";
import { type Call, type Kernel, offsetsOf, type Values } from "./kernel.ts";

/** For each element of the input, which element of the result it goes into. */
const targets = ({ types, attributes: { axes } }: Call<"sum"> | Call<"max">): Int32Array => {
  const { shape } = types[0]!;
  const strides = stridesOf(reducedShape(shape, axes, true));
  return offsetsOf(
    shape,
    strides.map((stride, axis) => (axes.includes(axis) ? 0 : stride)),
  );
};

const sum: Kernel<"sum"> = (call) => {
  const [x] = call.inputs;
  const target = targets(call);
  const out = call.allocate(call.outputs[0]!);
  const totals = new Float64Array(out.length);
  for (let i = 0; i < target.length; i++) totals[target[i]!]! += x![i]!;
  out.set(totals);
  return [out];
};

const max: Kernel<"max"> = (call) => {
  const [x] = call.inputs;
  const target = targets(call);
  const greatest = new Float64Array(sizeOf(call.outputs[0]!.shape)).fill(-Infinity);
  for (let i = 0; i < target.length; i++) {
    greatest[target[i]!] = Math.max(greatest[target[i]!]!, x![i]!);
  }
  const out = call.allocate(call.outputs[0]!);
  out.set(greatest);
  return [out];
};

/** One matrix as `count` vectors of length `inner`, one after another, in f64. */
const vectors = (
  x: Values,
  start: number,
  [count, inner]: readonly [number, number],
  transposed: boolean,
): Float64Array => {
  const packed = new Float64Array(count * inner);
  const [across, along] = transposed ? [1, count] : [inner, 1];
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < inner; k++) packed[i * inner + k] = x[start + i * across + k * along]!;
  }
  return packed;
};

const dot = (a: Float64Array, atA: number, b: Float64Array, atB: number, size: number): number => {
  let total = 0;
  for (let k = 0; k < size; k++) total += a[atA + k]! * b[atB + k]!;
  return total;
};

const matMul: Kernel<"matMul"> = ({ attributes, types, inputs, outputs, allocate }) => {
  const { transA, transB, alpha } = attributes;
  const [shapeA, shapeB] = types.map(({ shape }) => shape) as [Shape, Shape];
  const leading = outputs[0]!.shape.slice(0, -2);
  const [height, width] = outputs[0]!.shape.slice(-2) as [number, number];
  const inner = shapeA.at(transA ? -2 : -1)!;
  /** Where the matrix of each batch element begins; a shared one begins at the same place. */
  const startsOf = (shape: Shape): Int32Array => {
    const strides = broadcastStrides(shape.slice(0, -2), leading);
    return offsetsOf(
      leading,
      strides.map((stride) => stride * sizeOf(shape.slice(-2))),
    );
  };
  const [startsA, startsB] = [startsOf(shapeA), startsOf(shapeB)];
  const out = allocate(outputs[0]!);
  let at = 0;
  for (let batch = 0; batch < startsA.length; batch++) {
    const left = vectors(inputs[0]!, startsA[batch]!, [height, inner], transA);
    const right = vectors(inputs[1]!, startsB[batch]!, [width, inner], !transB);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        out[at++] = alpha * dot(left, row * inner, right, column * inner, inner);
      }
    }
  }
  return [out];
};

const softmaxFamily =
  <Op extends "softmax" | "logSoftmax">(
    finish: (shifted: number, total: number) => number,
  ): Kernel<Op> =>
  ({ types, inputs, outputs, allocate }) => {
    const [x] = inputs;
    const width = types[0]!.shape.at(-1)!;
    const out = allocate(outputs[0]!);
    for (let start = 0; start < out.length; start += width) {
      let greatest = -Infinity;
      for (let i = start; i < start + width; i++) greatest = Math.max(greatest, x![i]!);
      let total = 0;
      for (let i = start; i < start + width; i++) total += Math.exp(x![i]! - greatest);
      for (let i = start; i < start + width; i++) out[i] = finish(x![i]! - greatest, total);
    }
    return [out];
  };

export const rows = {
  sum,
  max,
  matMul,
  softmax: softmaxFamily<"softmax">((shifted, total) => Math.exp(shifted) / total),
  logSoftmax: softmaxFamily<"logSoftmax">((shifted, total) => shifted - Math.log(total)),
};
