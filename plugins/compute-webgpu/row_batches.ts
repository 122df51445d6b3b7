/** Which results of a region of rows one kernel stores: as many as buffers may be bound, those that share what they read. */
import type { Graph, Node, Tensor } from "@resd/tensor";
import { type RowRegion, widthOf } from "./row_regions.ts";
import { outputOf, unshaped } from "./site.ts";

/** One kernel of a region. */
export interface RowBatch {
  readonly region: RowRegion;
  /** Whose elements it stores. */
  readonly results: ReadonlyArray<Tensor>;
  /** Tensors from outside that these follow from. */
  readonly sources: ReadonlyArray<Tensor>;
}

/** Nodes of a region that results follow from, and what these read from outside. */
export const behind = (
  results: ReadonlyArray<Tensor>,
  { levels }: RowRegion,
): { readonly nodes: ReadonlySet<Node>; readonly sources: ReadonlyArray<Tensor> } => {
  const nodes = new Set<Node>();
  const sources = new Map<string, Tensor>();
  const names = new Map<Node, number>();
  const open = [...results];
  for (let x = open.pop(); x !== undefined; x = open.pop()) {
    const { node, index } = x;
    if (nodes.has(node)) continue;
    if (levels.has(node)) {
      nodes.add(node);
      open.push(...node.inputs);
    } else if (node.op === "topK" && index === 0) {
      // Read from where the indices say.
      open.push(node.inputs[0]!, outputOf(node, 1));
    } else if (node.op !== "full") {
      const name = names.get(node) ?? names.size;
      names.set(node, name);
      sources.set(`${name}.${index}`, x);
    }
  }
  return { nodes, sources: [...sources.values()] };
};

/** The tensors of a region that others need: whole ones first, then numbers of rows. */
const resultsOf = ({ nodes, outputs }: Graph, { levels }: RowRegion): ReadonlyArray<Tensor> => {
  const outside = nodes.filter((node) => !levels.has(node)).flatMap(({ inputs }) => inputs);
  const bases = [...outside, ...outputs.map(({ tensor }) => tensor)]
    .filter(({ node }) => levels.has(node))
    .map((x) => unshaped(x).node)
    .filter((node) => levels.has(node));
  return [...new Set(bases)]
    .map((node) => outputOf(node))
    .toSorted((a, b) => widthOf(b) - widthOf(a));
};

/** The kernels of a region that bind `maxBuffers` at most; undefined where one result alone needs more. */
export const rowBatches = (
  graph: Graph,
  region: RowRegion,
  maxBuffers: number,
): ReadonlyArray<RowBatch> | undefined => {
  const batches: Array<RowBatch> = [];
  for (const result of resultsOf(graph, region)) {
    const results = [...(batches.at(-1)?.results ?? []), result];
    const { sources } = behind(results, region);
    const stored = new Set(sources.map((x) => unshaped(x).node));
    if (batches.length > 0 && stored.size + results.length <= maxBuffers) {
      batches[batches.length - 1] = { region, results, sources };
      continue;
    }
    const alone = behind([result], region);
    const least = new Set(alone.sources.map((x) => unshaped(x).node)).size + 1;
    if (least > maxBuffers) return undefined;
    batches.push({ region, results: [result], sources: alone.sources });
  }
  return batches;
};
