import type { OpAttributes, OpName } from "./op_attributes.ts";
import { OPS } from "./ops.ts";
import {
  type Attributes,
  type DType,
  type Node,
  type Operand,
  outputsOf,
  type Tensor,
  type TensorType,
} from "./tensor.ts";

/** Makes one node after checking its inputs; the constructors are its public face. */
export const applyAll = <Op extends OpName>(
  op: Op,
  inputs: ReadonlyArray<Tensor>,
  attributes: OpAttributes[Op],
): ReadonlyArray<Tensor> => {
  const outputs: ReadonlyArray<TensorType> = OPS[op].infer(op, inputs, attributes);
  const node: Node = {
    op,
    inputs,
    attributes: attributes as Attributes,
    outputs: outputs.map(({ shape, dtype }) => ({ shape, dtype })),
  };
  return outputsOf(node);
};

/** `applyAll` for an operation with one output. */
export const apply = <Op extends OpName>(
  op: Op,
  inputs: ReadonlyArray<Tensor>,
  attributes: OpAttributes[Op],
): Tensor => applyAll(op, inputs, attributes)[0]!;

/** The attributes of a node under their type. */
export const attributesOf = <Op extends OpName>(node: Node, _op: Op): OpAttributes[Op] =>
  node.attributes as unknown as OpAttributes[Op];

/** Turns numbers among operands into scalars of the dtype of the first tensor, f32 where there is none. */
export const toTensors = (operands: ReadonlyArray<Operand>): ReadonlyArray<Tensor> => {
  const dtype: DType = operands.find((x) => typeof x !== "number")?.dtype ?? "f32";
  return operands.map((x) =>
    typeof x === "number" ? apply("full", [], { value: x, shape: [], dtype }) : x,
  );
};
