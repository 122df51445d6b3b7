import type { OpName } from "../op_attributes.ts";
import { broadcastStrides, type Shape, stridesOf } from "../shape.ts";
import { type Call, type Kernel, offsetsOf, type Values } from "./kernel.ts";

/** The result reads the input at strides of its own. */
const read = <Op extends OpName>(
  { inputs, outputs, allocate }: Call<Op>,
  strides: ReadonlyArray<number>,
  base = 0,
): ReadonlyArray<Values> => {
  const out = allocate(outputs[0]!);
  const offsets = offsetsOf(outputs[0]!.shape, strides, base);
  for (let i = 0; i < out.length; i++) out[i] = inputs[0]![offsets[i]!]!;
  return [out];
};

/** Copies a block into a larger array, from the corner `at` on. */
const place = (
  block: Values,
  shape: Shape,
  out: Values,
  outShape: Shape,
  at: ReadonlyArray<number>,
): void => {
  const strides = stridesOf(outShape);
  const base = at.reduce((sum, index, axis) => sum + index * strides[axis]!, 0);
  const offsets = offsetsOf(shape, strides, base);
  for (let i = 0; i < offsets.length; i++) out[offsets[i]!] = block[i]!;
};

const reshape: Kernel<"reshape"> = (call) => [call.inputs[0]!];

const transpose: Kernel<"transpose"> = (call) => {
  const strides = stridesOf(call.types[0]!.shape);
  return read(
    call,
    call.attributes.perm.map((axis) => strides[axis]!),
  );
};

const slice: Kernel<"slice"> = (call) => {
  const strides = stridesOf(call.types[0]!.shape);
  const base = call.attributes.starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0);
  return read(call, strides, base);
};

const broadcastTo: Kernel<"broadcastTo"> = (call) =>
  read(call, broadcastStrides(call.types[0]!.shape, call.attributes.shape));

const concat: Kernel<"concat"> = ({ attributes: { axis }, types, inputs, outputs, allocate }) => {
  const { shape } = outputs[0]!;
  const out = allocate(outputs[0]!);
  let start = 0;
  inputs.forEach((values, index) => {
    const part = types[index]!.shape;
    place(
      values,
      part,
      out,
      shape,
      shape.map((_, i) => (i === axis ? start : 0)),
    );
    start += part[axis]!;
  });
  return [out];
};

const pad: Kernel<"pad"> = ({ attributes, types, inputs, outputs, allocate }) => {
  const out = allocate(outputs[0]!).fill(attributes.value);
  place(inputs[0]!, types[0]!.shape, out, outputs[0]!.shape, attributes.before);
  return [out];
};

export const movement = { reshape, transpose, slice, broadcastTo, concat, pad };
