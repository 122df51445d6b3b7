/** What a rule is: how an operation of the tensor graph reads in ONNX. */
import type { Node, Tensor } from "@resd/tensor";
import type { Emitter } from "../emitter.ts";
import type { Attribute } from "../onnx_proto.ts";

/** Names of the inputs in; names of the outputs out. */
export type Rule = (
  emitter: Emitter,
  node: Node,
  inputs: ReadonlyArray<string>,
) => ReadonlyArray<string>;

/** Names the inputs that it needs itself; gives undefined where it does not apply. */
export type SpecialRule = (
  emitter: Emitter,
  node: Node,
  name: (tensor: Tensor) => string,
) => ReadonlyArray<string> | undefined;

/** An operation that ONNX has under another name. */
export const direct =
  (op: string, attributes: ReadonlyArray<Attribute> = []): Rule =>
  (emitter, _node, inputs) => [emitter.emit(op, inputs, attributes)];

export const outputShape = (node: Node): ReadonlyArray<number> => node.outputs[0]!.shape;
export const input = (node: Node, position: number): Tensor => node.inputs[position]!;

export const sameShape = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
