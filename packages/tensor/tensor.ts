import type { OpName } from "./op_attributes.ts";
import type { Shape } from "./shape.ts";

/** Element types. Token ids and positions are i32. */
export type DType = "f32" | "f16" | "i32" | "bool";

/** What is known of a value before it exists. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The content of a constant: Float32Array for f32 and f16, Int32Array for i32, Uint8Array for bool. */
export type ConstantData = Float32Array | Int32Array | Uint8Array;

/** A value that an operation may carry. */
export type Attribute = number | boolean | string | ReadonlyArray<number> | ConstantData;

/** What an operation needs to know besides its tensors; typed by operation in `OpAttributes`. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** One application of an operation. Immutable; made only by the constructors, which check shapes and dtypes. */
export interface Node {
  readonly op: OpName;
  readonly inputs: ReadonlyArray<Tensor>;
  readonly attributes: Attributes;
  readonly outputs: ReadonlyArray<TensorType>;
}

/** One output of a node. Two tensors are the same value when node and index are. */
export interface Tensor extends TensorType {
  readonly node: Node;
  readonly index: number;
}

/** A tensor, or a number where a scalar tensor of the other operand's dtype is meant. */
export type Operand = Tensor | number;

/** The tensors of all outputs of a node. */
export const outputsOf = (node: Node): ReadonlyArray<Tensor> =>
  node.outputs.map(({ shape, dtype }, index) => ({ node, index, shape, dtype }));

/** Whether gradients can flow through values of this type. */
export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";
