/**
 * Splits a graph into the ONNX session (head) and the primitives that this backend runs itself afterwards (tail).
 * A node is in the tail when the backend claims it and nothing in the head needs its result.
 */
import type { Graph, Node } from "@resd/tensor";
import { CLAIMED } from "./tail.ts";

/** A tail step before slots are assigned. `scatterAddInto` is add(base, scatterAddRows(rows, ids)) in one pass. */
export interface Partition {
  readonly tail: ReadonlySet<Node>;
  /** Scatter nodes that an `add` takes over, by that `add`. */
  readonly fused: ReadonlyMap<Node, Node>;
}

const sameShape = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** Elementwise additions and reshapes may follow a claimed node into the tail. */
const follows = (node: Node): boolean =>
  node.op === "reshape" ||
  (node.op === "add" &&
    node.inputs.every((input) => sameShape(input.shape, node.outputs[0]!.shape)));

export const partition = (graph: Graph): Partition => {
  const consumers = new Map<Node, Array<Node>>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const list = consumers.get(input.node);
      if (list === undefined) consumers.set(input.node, [node]);
      else list.push(node);
    }
  }
  const candidates = new Set<Node>();
  for (const node of graph.nodes) {
    const dtype = node.outputs[0]!.dtype;
    if (CLAIMED.has(node.op)) candidates.add(node);
    else if (
      dtype === "f32" &&
      follows(node) &&
      node.inputs.some((input) => candidates.has(input.node))
    ) {
      candidates.add(node);
    }
  }
  const tail = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    if (
      candidates.has(node) &&
      (consumers.get(node) ?? []).every((consumer) => tail.has(consumer))
    ) {
      tail.add(node);
    }
  }
  const outputs = new Set(graph.outputs.map(({ tensor }) => tensor.node));
  const fused = new Map<Node, Node>();
  for (const node of tail) {
    if (node.op !== "add") continue;
    const scatter = node.inputs.find(
      (input) =>
        input.node.op === "scatterAddRows" &&
        tail.has(input.node) &&
        !outputs.has(input.node) &&
        consumers.get(input.node)?.length === 1,
    );
    if (scatter !== undefined) fused.set(node, scatter.node);
  }
  return { tail, fused };
};
