/** The naive interpreter: no fusion, no reuse, one loop after another. It says what every backend must compute. */
import { type Graph, lower } from "./graph.ts";
import { elementwise } from "./interpreter/elementwise.ts";
import { roundToHalf } from "./interpreter/half.ts";
import { indexing } from "./interpreter/indexing.ts";
import { type Allocate, isInteger, type Kernel, type Values } from "./interpreter/kernel.ts";
import { movement } from "./interpreter/movement.ts";
import { rows } from "./interpreter/rows.ts";
import type { OpAttributes, OpName } from "./op_attributes.ts";
import { formatShape, sizeOf } from "./shape.ts";
import type { Node, TensorType } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

export type { Values } from "./interpreter/kernel.ts";

/** Settings of the interpreter. */
export interface InterpretOptions {
  /** f64 (the default) is the oracle; f32 rounds the result of every operation, and f16 tensors to f16. */
  readonly precision?: "f64" | "f32";
}

const constant: Kernel<"constant"> = ({ attributes, outputs, allocate }) => {
  const out = allocate(outputs[0]!);
  out.set(attributes.data);
  return [out];
};

const full: Kernel<"full"> = ({ attributes, outputs, allocate }) => [
  allocate(outputs[0]!).fill(attributes.value),
];

/** Primitives are lowered to their composites first, inputs are given. */
type Interpreted = Exclude<
  OpName,
  | "input"
  | "rope"
  | "rmsNorm"
  | "rmsNormGradient"
  | "attention"
  | "attentionGradient"
  | "cachedAttention"
  | "adamw"
  | "lerp"
  | "axpy"
  | "sumSquares"
  | "stopGradient"
  | "customVjp"
>;

const KERNELS: { readonly [Op in Interpreted]: Kernel<Op> } = {
  constant,
  full,
  ...elementwise,
  ...movement,
  ...rows,
  ...indexing,
};

const lowered = new WeakMap<Graph, Graph>();

const toCore = (graph: Graph): Graph => {
  const known = lowered.get(graph) ?? lower(graph, () => false);
  lowered.set(graph, known);
  return known;
};

const readInput = (
  node: Node,
  given: Readonly<Record<string, ArrayLike<number>>>,
  graph: Graph,
  allocate: Allocate,
): Values => {
  const { name, shape, dtype } = node.attributes as unknown as OpAttributes["input"];
  const data = given[name];
  const type = `${dtype}${formatShape(shape)}`;
  if (data === undefined) {
    throw new TensorError(
      `interpret: Expected input "${name}" ${type} for graph ${graph.name}, got ${Object.keys(given).join(", ") || "none"}; pass an array under that name`,
    );
  }
  if (data.length !== sizeOf(shape)) {
    throw new TensorError(
      `interpret: Expected ${sizeOf(shape)} values for input "${name}" ${type} of graph ${graph.name}, got ${data.length}; check the shape`,
    );
  }
  const values = allocate({ shape, dtype });
  values.set(data);
  if (isInteger(dtype)) {
    const bad = values.findIndex(
      (value, at) => value !== data[at] || (dtype === "bool" && value !== 0 && value !== 1),
    );
    if (bad >= 0) {
      const expected = dtype === "bool" ? "0 or 1" : "whole 32-bit numbers";
      throw new TensorError(
        `interpret: Expected ${expected} for input "${name}" ${type} of graph ${graph.name}, got ${data[bad]}, at ${bad}; check the dtype`,
      );
    }
  }
  return values;
};

/**
 * Runs a graph on host arrays, row-major, one array an input. Floats come back as Float64Array or, with precision f32,
 * Float32Array; i32 and bool (0 and 1) as Int32Array. Arrays for inputs that the graph does not have are ignored.
 *
 * Throws a TensorError for an input that is missing or has the wrong length, and for ids outside their axis.
 */
export const interpret = (
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  options: InterpretOptions = {},
): Record<string, Values> => {
  const single = options.precision === "f32";
  const allocate: Allocate = ({ shape, dtype }: TensorType) => {
    const size = sizeOf(shape);
    if (isInteger(dtype)) return new Int32Array(size);
    return single ? new Float32Array(size) : new Float64Array(size);
  };
  const results = new Map<Node, ReadonlyArray<Values>>();
  const { nodes, outputs } = toCore(graph);
  const lastUse = new Map<Node, Node>();
  for (const node of nodes) for (const { node: from } of node.inputs) lastUse.set(from, node);
  for (const { tensor } of outputs) lastUse.delete(tensor.node);
  for (const node of nodes) {
    const values =
      node.op === "input"
        ? [readInput(node, inputs, graph, allocate)]
        : (KERNELS[node.op as Interpreted] as Kernel<OpName>)({
            op: node.op,
            attributes: node.attributes as never,
            types: node.inputs,
            outputs: node.outputs,
            inputs: node.inputs.map((tensor) => results.get(tensor.node)![tensor.index]!),
            allocate,
          });
    if (single) {
      node.outputs.forEach(({ dtype }, index) => {
        if (dtype === "f16") values[index]!.set(values[index]!.map(roundToHalf));
      });
    }
    results.set(node, values);
    for (const { node: from } of node.inputs) if (lastUse.get(from) === node) results.delete(from);
  }
  // Copies, because two outputs may be one value.
  return Object.fromEntries(
    outputs.map(({ name, tensor }) => [name, results.get(tensor.node)![tensor.index]!.slice()]),
  );
};
