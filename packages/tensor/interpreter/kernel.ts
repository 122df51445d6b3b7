/** What the interpreter's operations are made of: plain arrays in row-major order, and offsets into them. */
import type { OpAttributes, OpName } from "../op_attributes.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { DType, Tensor, TensorType } from "../tensor.ts";

/** Floats as Float64Array or Float32Array by precision; i32 and bool (0 and 1) as Int32Array. */
export type Values = Float64Array | Float32Array | Int32Array;

/** An empty (all zero) array of as many elements as the type has. */
export type Allocate = (type: TensorType) => Values;

/** One application: the operation's attributes, the types of inputs and outputs, and the input values. */
export interface Call<Op extends OpName> {
  readonly op: Op;
  readonly attributes: OpAttributes[Op];
  readonly types: ReadonlyArray<Tensor>;
  readonly outputs: ReadonlyArray<TensorType>;
  readonly inputs: ReadonlyArray<Values>;
  readonly allocate: Allocate;
}

export type Kernel<Op extends OpName> = (call: Call<Op>) => ReadonlyArray<Values>;

/** For each element of `shape`, in row-major order, base + Σ index·stride: where it lies in another array. */
export const offsetsOf = (shape: Shape, strides: ReadonlyArray<number>, base = 0): Int32Array => {
  const offsets = new Int32Array(sizeOf(shape));
  if (offsets.length === 0) return offsets;
  offsets[0] = base;
  let filled = 1;
  // From the innermost axis out: each axis repeats what is there, one stride further each time.
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const block = filled;
    for (let index = 1; index < shape[axis]!; index++) {
      const step = index * strides[axis]!;
      for (let i = 0; i < block; i++) offsets[filled++] = offsets[i]! + step;
    }
  }
  return offsets;
};

export const isInteger = (dtype: DType): boolean => dtype === "i32" || dtype === "bool";
