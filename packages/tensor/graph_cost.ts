/** What a graph costs before it is run: operations, and the memory of its values under an order that keeps little. */
import type { Graph } from "./graph.ts";
import type { OpAttributes, OpName } from "./op_attributes.ts";
import { sameShape, sizeOf } from "./shape.ts";
import type { DType, Node, Tensor, TensorType } from "./tensor.ts";
import { topologicalOrder } from "./topological_order.ts";

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, bool: 1 };

/** Bytes of a dense array. */
export const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * BYTES[dtype];

/** A value of a graph and its size. */
export interface SizedValue {
  /** An input's or an output's name; of other values the operation that makes it. */
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
  readonly bytes: number;
}

/** Costs of one run. */
export interface GraphCost {
  /** Multiplications and additions of matrix products; one for each element of every other result. */
  readonly operations: number;
  /** Bytes of all inputs. */
  readonly inputs: number;
  /** Bytes of all outputs that are not inputs. */
  readonly outputs: number;
  /** Most bytes of other values that are needed at the same time, nodes running in `executionOrder`. */
  readonly working: number;
  /** The largest single value, inputs and outputs included. */
  readonly largest: SizedValue;
}

/**
 * How late each node can be had: the products that stand one behind another up to it, and among as many of them the nodes. A
 * loss is many nodes behind its logits and the gradient of their weights few, but another product.
 */
export const depthsOf = (graph: Graph): ReadonlyMap<Node, number> => {
  const depths = new Map<Node, number>();
  const product = graph.nodes.length;
  for (const node of graph.nodes) {
    const before = Math.max(-1, ...node.inputs.map((x) => depths.get(x.node) ?? 0));
    depths.set(node, before + (node.op === "matMul" ? product : 1));
  }
  return depths;
};

/**
 * All nodes, inputs before users, the shallowest outputs first: statistics, then gradients from the last layer to the
 * first, so that what a layer has kept is gone when the gradient has passed it.
 */
export const executionOrder = (graph: Graph): ReadonlyArray<Node> => {
  const depths = depthsOf(graph);
  const depthOf = ({ node }: Tensor): number => depths.get(node) ?? 0;
  return topologicalOrder(
    graph.outputs.map(({ tensor }) => tensor).toSorted((a, b) => depthOf(a) - depthOf(b)),
  );
};

/** Results that may stand where one of their operands stood. */
const IN_PLACE: ReadonlySet<OpName> = new Set([
  ...(["neg", "exp", "log", "expm1", "sqrt", "rsqrt", "reciprocal", "sigmoid", "silu"] as const),
  ...(["tanh", "abs", "pow", "add", "sub", "mul", "div", "maximum", "minimum", "where"] as const),
  ...(["softmax", "scatterAddLast", "cacheWrite"] as const),
]);

const operationsOf = (node: Node): number => {
  const results = node.outputs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (node.op !== "matMul") return node.inputs.length === 0 || node.op === "reshape" ? 0 : results;
  const { transA } = node.attributes as unknown as OpAttributes["matMul"];
  return 2 * results * (node.inputs[0] as Tensor).shape.at(transA ? -2 : -1)!;
};

/** Storage of one or more values: a reshaped value stands where the original stands. */
interface Place {
  readonly bytes: number;
  /** Counted elsewhere: inputs and outputs. */
  readonly fixed: boolean;
  readers: number;
}

/** Places of all values, by node and output. */
class Places {
  readonly #byNode = new Map<Node, Array<Place>>();
  live = 0;
  most = 0;

  of({ node, index }: Tensor): Place {
    return this.#byNode.get(node)![index]!;
  }

  bind(node: Node, places: Array<Place>): void {
    this.#byNode.set(node, places);
  }

  make(bytes: number, fixed: boolean): Place {
    if (!fixed) this.live += bytes;
    this.most = Math.max(this.most, this.live);
    return { bytes, fixed, readers: 0 };
  }

  /** One reader less; without readers the place is free. */
  leave(place: Place): void {
    place.readers -= 1;
    if (place.readers === 0 && !place.fixed) this.live -= place.bytes;
  }
}

const workingBytes = (graph: Graph): number => {
  const order = executionOrder(graph);
  const outputs = new Map<Node, Set<number>>();
  for (const { tensor } of graph.outputs) {
    outputs.set(tensor.node, (outputs.get(tensor.node) ?? new Set()).add(tensor.index));
  }
  const readers = new Map<Node, Array<number>>();
  for (const { inputs } of order) {
    for (const { node, index } of inputs) {
      const counts = readers.get(node) ?? node.outputs.map(() => 0);
      counts[index]! += 1;
      readers.set(node, counts);
    }
  }
  const places = new Places();
  for (const node of order) {
    const taken = (position: number): Place | undefined => {
      if (node.op !== "reshape" && !IN_PLACE.has(node.op)) return undefined;
      const type = node.outputs[position]!;
      for (const x of node.inputs) {
        const place = places.of(x);
        if (place.fixed && node.op !== "reshape") continue;
        const mine = node.inputs.filter((other) => places.of(other) === place).length;
        const last = place.readers === mine && sameShape(x.shape, type.shape);
        if (node.op === "reshape" || (last && x.dtype === type.dtype)) return place;
      }
      return undefined;
    };
    const made = node.outputs.map((type, position) => {
      const fixed = node.op === "input" || outputs.get(node)?.has(position) === true;
      const place = (fixed ? undefined : taken(position)) ?? places.make(bytesOf(type), fixed);
      place.readers += readers.get(node)?.[position] ?? 0;
      return place;
    });
    places.bind(node, made);
    for (const x of node.inputs) places.leave(places.of(x));
    for (const place of new Set(made)) {
      if (place.readers === 0 && !place.fixed) places.live -= place.bytes;
    }
  }
  return places.most;
};

/** The costs of a graph, of which backends may save something by fusing operations. */
export const graphCost = (graph: Graph): GraphCost => {
  const names = new Map<Tensor["node"], string>();
  for (const { name, tensor } of graph.outputs) names.set(tensor.node, name);
  let largest: SizedValue = { name: "", shape: [], bytes: 0 };
  let operations = 0;
  for (const node of graph.nodes) {
    operations += operationsOf(node);
    for (const type of node.outputs) {
      const bytes = bytesOf(type);
      if (bytes <= largest.bytes) continue;
      const name = node.op === "input" ? (node.attributes.name as string) : names.get(node);
      largest = { name: name ?? node.op, shape: type.shape, bytes };
    }
  }
  const total = (types: ReadonlyArray<TensorType>): number =>
    types.reduce((sum, type) => sum + bytesOf(type), 0);
  return {
    operations,
    inputs: total(graph.inputs),
    outputs: total(
      graph.outputs.map(({ tensor }) => tensor).filter(({ node }) => node.op !== "input"),
    ),
    working: workingBytes(graph),
    largest,
  };
};
