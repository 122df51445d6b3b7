/** A graph becomes a schedule: values with storage and kernels in order, each group by the family of its core. */
import { ComputeError } from "@resd/core";
import {
  attributesOf,
  type DType,
  type Graph,
  lower as withoutPrimitives,
  type Node,
  type OpName,
  sizeOf,
  type Tensor,
} from "@resd/tensor";
import { fuse, type Group, unshaped } from "./fuse.ts";
import { adamw } from "./kernels/adamw.ts";
import { cacheWrite } from "./kernels/cache_write.ts";
import { concatWide, elementwise, fill } from "./kernels/elementwise.ts";
import { matMul } from "./kernels/matmul.ts";
import { emptySum, reduce } from "./kernels/reduce.ts";
import { sample } from "./kernels/sample.ts";
import { scatterAddLast, scatterAddRows } from "./kernels/scatter.ts";
import { softmax } from "./kernels/softmax.ts";
import { topK } from "./kernels/top_k.ts";
import { bytesOf, type Kernel, type Schedule, type Value, type ValueId } from "./schedule.ts";
import { outputOf, type Site } from "./site.ts";
import type { Target } from "./writer.ts";

/** Primitives with a kernel or an expression of their own; the others are fused from their composites. */
const CLAIMED = new Set<OpName>(["adamw", "rope"]);

const FAMILIES: Partial<Record<OpName, (site: Site) => ReadonlyArray<Kernel>>> = {
  sum: reduce,
  max: reduce,
  softmax,
  logSoftmax: softmax,
  matMul,
  scatterAddRows,
  scatterAddLast,
  topK,
  cacheWrite,
  sample,
  adamw,
  concat: concatWide,
};

/** The kernels of one group. */
const kernelsOf = (site: Site): ReadonlyArray<Kernel> => {
  const { root, core } = site.group;
  if (root.op === "full") {
    const { shape, dtype } = root.outputs[0]!;
    const { value } = attributesOf(root, "full");
    return fill(site.target, site.value(outputOf(root)), sizeOf(shape), dtype, value);
  }
  if (core === undefined) return elementwise(site);
  const [x] = core.inputs as [Tensor];
  const { shape, dtype } = root.outputs[0]!;
  if (core.op === "sum" && sizeOf(x.shape) === 0 && core === root) {
    return emptySum(site, shape, dtype);
  }
  return FAMILIES[core.op]!(site);
};

/** Caches are written after everything else has read them, so that they can be written in place. */
const cachesLast = (groups: ReadonlyArray<Group>): ReadonlyArray<Group> => {
  const read = new Set(groups.flatMap(({ reads }) => [...reads]));
  const waits = ({ root }: Group): boolean => root.op === "cacheWrite" && !read.has(root);
  return [...groups.filter((group) => !waits(group)), ...groups.filter(waits)];
};

class Lowering {
  readonly #graph: Graph;
  readonly #target: Target;
  readonly #donated: ReadonlySet<string>;
  readonly #values: Array<Value> = [];
  readonly #ids = new Map<Node, Array<ValueId>>();
  readonly #inPlace = new Map<ValueId, ValueId>();
  readonly #outputs: ReadonlySet<Node>;
  readonly #lastRead = new Map<Node, number>();
  readonly #owners = new Map<ValueId, Node>();

  constructor(graph: Graph, target: Target, donated: ReadonlySet<string>) {
    this.#graph = graph;
    this.#target = target;
    this.#donated = donated;
    this.#outputs = new Set(graph.outputs.map(({ tensor }) => unshaped(tensor).node));
  }

  #add(value: Value): ValueId {
    const bytes = bytesOf(value);
    if (bytes > this.#target.maxBinding) {
      throw new ComputeError({
        op: value.label,
        message: `Expected tensors of at most ${this.#target.maxBinding} bytes, which this adapter can bind, got ${value.label} with ${bytes} bytes, at ${this.#graph.name}; use fewer rows a batch, a smaller model, or another adapter`,
      });
    }
    return this.#values.push(value) - 1;
  }

  #value = (tensor: Tensor): ValueId => {
    const { node, index } = unshaped(tensor);
    const known = this.#ids.get(node) ?? [];
    if (known[index] === undefined) {
      const { shape, dtype } = node.outputs[index]!;
      const label = node.op === "input" ? attributesOf(node, "input").name : node.op;
      known[index] = this.#add({ label, size: sizeOf(shape), dtype });
      this.#ids.set(node, known);
      this.#owners.set(known[index], node);
    }
    return known[index];
  };

  #dies(value: ValueId, position: number): boolean {
    const node = this.#owners.get(value);
    if (node === undefined || this.#outputs.has(node) || node.op === "constant") return false;
    if (node.op === "input" && !this.#donated.has(attributesOf(node, "input").name)) return false;
    if ([...this.#inPlace.values()].includes(value)) return false;
    return this.#lastRead.get(node) === position;
  }

  run(): Schedule {
    const graph = this.#graph;
    const inputs = graph.nodes.flatMap((node) => {
      if (node.op !== "input") return [];
      const { name, shape, dtype } = attributesOf(node, "input");
      const value = this.#value(outputOf(node));
      return [{ name, value, shape, dtype, donated: this.#donated.has(name) }];
    });
    const fused = fuse(graph, this.#target.maxBuffers - 1);
    const { isStored } = fused;
    const groups = cachesLast(fused.groups);
    groups.forEach(({ reads }, position) => {
      for (const node of reads) this.#lastRead.set(node, position);
    });
    const storage = (tensor: Tensor): ValueId | undefined =>
      isStored(unshaped(tensor).node) ? this.#value(tensor) : undefined;
    const kernels = groups.flatMap((group: Group, position) =>
      kernelsOf({
        target: this.#target,
        group,
        storage,
        value: this.#value,
        size: (value) => this.#values[value]!.size,
        scratch: (label, size, dtype: DType) => this.#add({ label, size, dtype }),
        dies: (value) => this.#dies(value, position),
        takeOver: (result, value) => this.#inPlace.set(result, value),
      }),
    );
    const constants = graph.nodes.flatMap((node) =>
      node.op === "constant"
        ? [{ value: this.#value(outputOf(node)), data: attributesOf(node, "constant").data }]
        : [],
    );
    const outputs = graph.outputs.map(({ name, tensor }) => ({
      name,
      value: this.#value(tensor),
      shape: tensor.shape,
      dtype: tensor.dtype,
    }));
    return {
      name: graph.name,
      values: this.#values,
      inputs,
      constants,
      kernels,
      inPlace: this.#inPlace,
      outputs,
    };
  }
}

/** The schedule of a graph on an adapter. Throws a ComputeError for tensors that it cannot bind. */
export const lowerGraph = (
  source: Graph,
  target: Target,
  donated: ReadonlySet<string> = new Set(),
): Schedule =>
  new Lowering(
    withoutPrimitives(source, (op) => CLAIMED.has(op)),
    target,
    donated,
  ).run();
