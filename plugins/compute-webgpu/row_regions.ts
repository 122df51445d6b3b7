/**
 * Parts of a graph that work on each row by itself, from logits to losses and gradients: softmax, sums along rows, elements gathered
 * and scattered, and all that is computed of each element between them. One kernel computes such a part in a few passes over a row.
 */
import { attributesOf, type Graph, type Node, sizeOf, type Tensor } from "@resd/tensor";
import { isPointwise } from "./pointwise.ts";

/** Nodes that one kernel computes. */
export interface RowRegion {
  /** Rows of all its tensors, which are [rows, width] or [rows]. */
  readonly rows: number;
  /**
   * Each node with the number of passes that have to end before its elements can be computed: a sum along rows needs one pass
   * more than what it adds up, a softmax two.
   */
  readonly levels: ReadonlyMap<Node, number>;
}

/** Along rows, with this many of them at least a region is worth a kernel. */
const LEAST_REDUCTIONS = 2;

/** Rows that keep an adapter busy, one workgroup or thread each; fewer are only computed so while they are short. */
const FEW_ROWS = 16;
const LONG_ROW = 4096;

/** How a row shows in a tensor of a region: [rows, width], or [rows] as width 1. */
export const widthOf = ({ shape }: Pick<Tensor, "shape">): number => shape[1] ?? 1;

const isRowTensor = ({ shape }: Pick<Tensor, "shape">, rows: number): boolean =>
  (shape.length === 1 || shape.length === 2) && shape[0] === rows && sizeOf(shape) > 0;

/** Whether an operand broadcasts to a result of rows so that an element depends on its row, or on its column, alone or on neither. */
const fitsRows = (x: Tensor, result: Pick<Tensor, "shape">, rows: number): boolean => {
  if (sizeOf(x.shape) === 1) return true;
  if (x.shape[0] === rows) return x.shape.length === result.shape.length;
  return result.shape.length === 2 && sizeOf(x.shape) === result.shape[1];
};

const isReduction = ({ op, inputs, attributes }: Node): boolean => {
  if (op === "softmax" || op === "logSoftmax") return inputs[0]!.shape.length === 2;
  if (op !== "sum" && op !== "max") return false;
  const { axes } = attributes as { readonly axes: ReadonlyArray<number> };
  return inputs[0]!.shape.length === 2 && axes.length === 1 && axes[0] === 1;
};

/** Whether a node of a region is computed row by row. */
const isOfRows = (node: Node, rows: number): boolean => {
  const { op, inputs, outputs } = node;
  const [result] = outputs;
  if (outputs.length !== 1 || !isRowTensor(result!, rows)) return false;
  const rowsOnly = inputs.every((x) => isRowTensor(x, rows));
  if (isPointwise(op)) return inputs.every((x) => fitsRows(x, result!, rows));
  if (isReduction(node)) return rowsOnly;
  switch (op) {
    case "gatherLast":
    case "scatterAddLast":
      return rowsOnly && result!.shape.length === 2;
    case "reshape":
      return rowsOnly && sizeOf(result!.shape) === rows;
    case "broadcastTo":
      return result!.shape.length === 2 && fitsRows(inputs[0]!, result!, rows);
    case "concat":
      return rowsOnly && attributesOf(node, "concat").axis === 1;
    case "slice":
      return rowsOnly && result!.shape.length === 2;
    default:
      return false;
  }
};

/** Passes that have to end before a node's elements are known, from those of its operands. */
const levelOf = (node: Node, level: (x: Tensor) => number): number => {
  const before = Math.max(0, ...node.inputs.map(level));
  const [x] = node.inputs;
  if (node.op === "softmax" || node.op === "logSoftmax") return before + 2;
  // The greatest probability is one over the sum of exponentials, which the softmax knows.
  if (node.op === "max" && x!.node.op === "softmax" && level(x!) > 0) return before;
  return isReduction(node) ? before + 1 : before;
};

/** Operations on each element that a product computes as it ends, so that a region had better read what they give. */
const endsOfProducts = (nodes: ReadonlyArray<Node>): ReadonlySet<Node> => {
  const ends = new Set<Node>();
  for (const node of nodes) {
    const follows = node.inputs.some(({ node: from }) => from.op === "matMul" || ends.has(from));
    if (isPointwise(node.op) && follows) ends.add(node);
  }
  return ends;
};

/** Grows one region, in order: what depends on something that itself depends on the region stays outside. */
const grow = (
  nodes: ReadonlyArray<Node>,
  candidates: ReadonlySet<Node>,
  ends: ReadonlySet<Node>,
  rows: number,
): RowRegion => {
  const levels = new Map<Node, number>();
  const after = new Set<Node>();
  const level = ({ node }: Tensor): number => levels.get(node) ?? 0;
  for (const node of nodes) {
    const [, ids] = node.inputs;
    const placed = node.op === "gatherLast" || node.op === "scatterAddLast";
    const joins =
      candidates.has(node) &&
      !node.inputs.some((x) => after.has(x.node)) &&
      !(placed && level(ids!) > 0) &&
      !(ends.has(node) && !node.inputs.some((x) => level(x) > 0));
    if (joins) levels.set(node, levelOf(node, level));
    else if (node.inputs.some((x) => levels.has(x.node) || after.has(x.node))) after.add(node);
  }
  return { rows, levels };
};

const isWorth = ({ rows, levels }: RowRegion): boolean => {
  const reductions = [...levels.keys()].filter(isReduction);
  const widest = Math.max(0, ...reductions.map(({ inputs }) => widthOf(inputs[0]!)));
  return reductions.length >= LEAST_REDUCTIONS && (rows >= FEW_ROWS || widest <= LONG_ROW);
};

/** Sets of candidates that hang together. */
const componentsOf = (
  nodes: ReadonlyArray<Node>,
  candidates: ReadonlySet<Node>,
): ReadonlyArray<ReadonlySet<Node>> => {
  const component = new Map<Node, Set<Node>>();
  for (const node of nodes) {
    if (!candidates.has(node)) continue;
    let own = new Set([node]);
    for (const { node: from } of node.inputs) {
      const other = component.get(from);
      if (other === undefined || other === own) continue;
      const [small, large] = own.size < other.size ? [own, other] : [other, own];
      for (const one of small) component.set(one, large.add(one));
      own = large;
    }
    component.set(node, own);
  }
  return [...new Set(component.values())];
};

/** The regions of a graph that are worth a kernel; no node is in two. */
export const rowRegions = ({ nodes }: Graph): ReadonlyArray<RowRegion> => {
  const seeds = nodes.filter(isReduction);
  const ends = endsOfProducts(nodes);
  const counts = new Set(seeds.map(({ inputs }) => inputs[0]!.shape[0]!));
  const taken = new Set<Node>();
  return [...counts].flatMap((rows) => {
    const candidates = new Set(nodes.filter((node) => !taken.has(node) && isOfRows(node, rows)));
    const found = componentsOf(nodes, candidates)
      .map((component) => grow(nodes, component, ends, rows))
      .filter(isWorth);
    for (const { levels } of found) for (const node of levels.keys()) taken.add(node);
    return found;
  });
};
