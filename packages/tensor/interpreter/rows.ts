/** Reductions, products and the softmax family. Sums are accumulated in f64 and rounded once. */
import { broadcastStrides, reducedShape, sizeOf, stridesOf } from "../shape.ts";
import { type Call, type Kernel, offsetsOf } from "./kernel.ts";

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

const matMul: Kernel<"matMul"> = ({ attributes, types, inputs, outputs, allocate }) => {
  const { transA, transB, alpha } = attributes;
  const [a, b] = inputs;
  const shapeA = types[0]!.shape;
  const shapeB = types[1]!.shape;
  const leading = outputs[0]!.shape.slice(0, -2);
  const [rows, columns] = outputs[0]!.shape.slice(-2) as [number, number];
  const inner = shapeA.at(transA ? -2 : -1)!;
  const startsOf = (shape: ReadonlyArray<number>) =>
    offsetsOf(
      leading,
      broadcastStrides(shape.slice(0, -2), leading).map((s) => s * sizeOf(shape.slice(-2))),
    );
  const startsA = startsOf(shapeA);
  const startsB = startsOf(shapeB);
  const [rowA, innerA] = transA ? [1, rows] : [inner, 1];
  const [innerB, columnB] = transB ? [1, inner] : [columns, 1];
  const out = allocate(outputs[0]!);
  let at = 0;
  for (let batch = 0; batch < startsA.length; batch++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let total = 0;
        let atA = startsA[batch]! + row * rowA;
        let atB = startsB[batch]! + column * columnB;
        for (let k = 0; k < inner; k++, atA += innerA, atB += innerB) total += a![atA]! * b![atB]!;
        out[at++] = alpha * total;
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
