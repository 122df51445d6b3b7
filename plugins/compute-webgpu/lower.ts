/** A graph becomes a schedule: values with storage, which of them share it, and kernels in order. */
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
  type TensorType,
} from "@resd/tensor";
import { claims, kernelsOfBatch } from "./families.ts";
import { fuse, type Group } from "./fuse.ts";
import { batchesOf, lateLast } from "./group_order.ts";
import { bytesOf, type Schedule, type Value, type ValueId } from "./schedule.ts";
import { shardRows, type ShardedGraph } from "./shard_rows.ts";
import { outputOf, type Site, unshaped } from "./site.ts";
import type { Target } from "./writer.ts";

/** Operands whose place each result of an operation may take. */
const TAKES: Partial<Record<OpName, ReadonlyArray<number>>> = { adamw: [0, 2, 3], cacheWrite: [0] };

class Lowering {
  readonly #source: Graph;
  readonly #sharded: ShardedGraph;
  readonly #graph: Graph;
  readonly #target: Target;
  readonly #donated: ReadonlySet<string>;
  readonly #values: Array<Value> = [];
  readonly #ids = new Map<Node, Array<ValueId>>();
  readonly #inPlace = new Map<ValueId, ValueId>();
  readonly #windows = new Map<ValueId, { readonly of: ValueId; readonly offset: number }>();
  readonly #outputs: ReadonlySet<Node>;
  readonly #used = new Map<Node, Set<number>>();
  readonly #lastRead = new Map<Node, number>();
  readonly #owners = new Map<ValueId, Node>();
  readonly #memo = new Map<string, ValueId>();

  constructor(source: Graph, target: Target, donated: ReadonlySet<string>) {
    this.#source = source;
    this.#sharded = shardRows(source, target);
    this.#graph = this.#sharded.graph;
    this.#target = target;
    this.#donated = donated;
    this.#outputs = new Set(this.#graph.outputs.map(({ tensor }) => unshaped(tensor).node));
    const read = this.#graph.nodes.flatMap(({ inputs }) => inputs);
    for (const { node, index } of [...read, ...this.#graph.outputs.map(({ tensor }) => tensor)]) {
      this.#used.set(node, (this.#used.get(node) ?? new Set()).add(index));
    }
  }

  #add(value: Value, most = this.#target.maxBinding): ValueId {
    const bytes = bytesOf(value);
    if (bytes > most) {
      throw new ComputeError({
        op: value.label,
        message: `Expected tensors of at most ${most} bytes, which this adapter can hold, got ${value.label} with ${bytes} bytes, at ${this.#source.name}; use fewer rows a batch, a smaller model, or another adapter`,
      });
    }
    return this.#values.push(value) - 1;
  }

  #addWhole(label: string, { shape, dtype }: TensorType): ValueId {
    return this.#add({ label, size: sizeOf(shape), dtype }, this.#target.maxBuffer);
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

  /** Whether `value` is of no use after a position, so that a result of `root` may take its place. */
  #dies(value: ValueId, position: number, root: Node): boolean {
    const node = this.#owners.get(value);
    if (node === undefined || this.#lastRead.get(node) !== position) return false;
    const taken = new Set(this.#inPlace.values());
    const window = this.#windows.get(value);
    if (window !== undefined) return taken.has(window.of);
    const ends = (this.#ids.get(root) ?? []).some((result) => this.#windows.has(result));
    if (ends || this.#outputs.has(node) || node.op === "constant") return false;
    if (node.op === "input" && !this.#donated.has(attributesOf(node, "input").name)) return false;
    return !taken.has(value);
  }

  /** Whether a node's results are kept to the end of the program, and in no place that another may take. */
  #lasts = (node: Node): boolean =>
    this.#outputs.has(node) ||
    (node.op === "input" && !this.#donated.has(attributesOf(node, "input").name));

  /** Values of all inputs; those in pieces are windows of one. */
  #inputs(): Schedule["inputs"] {
    const nodes = new Map(
      this.#graph.nodes.flatMap((node) =>
        node.op === "input" ? [[attributesOf(node, "input").name, node] as const] : [],
      ),
    );
    const pieces = Map.groupBy(this.#sharded.inputs, ([, { whole }]) => whole);
    return this.#source.inputs.map(({ name, shape, dtype }) => {
      const node = nodes.get(name);
      const value =
        node === undefined ? this.#addWhole(name, { shape, dtype }) : this.#value(outputOf(node));
      for (const [piece, { offset }] of pieces.get(name) ?? []) {
        const part = nodes.get(piece);
        if (part !== undefined)
          this.#windows.set(this.#value(outputOf(part)), { of: value, offset });
      }
      return { name, value, shape, dtype, donated: this.#donated.has(name) };
    });
  }

  /** Values of all outputs; those in pieces become windows of one. */
  #results(): Schedule["outputs"] {
    const tensors = new Map(this.#graph.outputs.map(({ name, tensor }) => [name, tensor]));
    const pieces = Map.groupBy(this.#sharded.outputs, ([, { whole }]) => whole);
    return this.#source.outputs.map(({ name, tensor: { shape, dtype } }) => {
      const tensor = tensors.get(name);
      if (tensor !== undefined) return { name, value: this.#value(tensor), shape, dtype };
      const parts = pieces.get(name)!.map(([piece, { offset }]) => ({
        value: this.#value(tensors.get(piece)!),
        offset,
      }));
      // Pieces of an input, or of an output under another name, already lie where they belong.
      const known = this.#windows.get(parts[0]!.value)?.of;
      const value = known ?? this.#addWhole(name, { shape, dtype });
      for (const part of parts) {
        const present = this.#windows.get(part.value);
        if (present === undefined)
          this.#windows.set(part.value, { of: value, offset: part.offset });
        else if (present.of !== value || present.offset !== part.offset) {
          throw new ComputeError({
            op: name,
            message: `Expected an output of more than ${this.#target.maxBinding} bytes to be computed or to be one input, got ${name} out of pieces of others, at ${this.#source.name}; multiply it by 1`,
          });
        }
      }
      return { name, value, shape, dtype };
    });
  }

  /** Outputs in pieces take the place of donated inputs as a whole: when each piece can. */
  #pair(
    outputs: Schedule["outputs"],
    inputs: Schedule["inputs"],
    groups: ReadonlyArray<Group>,
  ): void {
    const positions = new Map(groups.map(({ root }, position) => [root, position]));
    for (const { value: whole } of outputs) {
      const places = [...this.#windows].flatMap(([piece, { of, offset }]) => {
        if (of !== whole) return [];
        const node = this.#owners.get(piece)!;
        const operand = TAKES[node.op]?.[this.#ids.get(node)!.indexOf(piece)];
        if (operand === undefined) return [undefined];
        const from = unshaped(node.inputs[operand]!);
        const window = this.#windows.get(this.#value(from));
        const last = this.#lastRead.get(from.node) === positions.get(node);
        return [last && window?.offset === offset ? window.of : undefined];
      });
      const [place] = places;
      if (place === undefined || places.some((other) => other !== place)) continue;
      const given = inputs.find(({ value }) => value === place);
      const kept = outputs.some(({ value }) => value === place);
      const taken = [...this.#inPlace.values()].includes(place);
      if (given?.donated === true && !kept && !taken) this.#inPlace.set(whole, place);
    }
  }

  run(): Schedule {
    const graph = this.#graph;
    const inputs = this.#inputs();
    const outputs = this.#results();
    const fused = fuse(graph, this.#target.maxBuffers, this.#target.losses === "fused");
    const { isStored } = fused;
    const groups = lateLast(fused.groups, this.#lasts);
    groups.forEach(({ reads }, position) => {
      for (const node of reads) this.#lastRead.set(node, position);
    });
    this.#pair(outputs, inputs, groups);
    const storage = (tensor: Tensor): ValueId | undefined =>
      isStored(unshaped(tensor).node) ? this.#value(tensor) : undefined;
    const siteOf = (position: number): Site => {
      const group = groups[position]!;
      return {
        target: this.#target,
        group,
        storage,
        value: this.#value,
        used: ({ node, index }) => this.#used.get(node)?.has(index) === true,
        size: (value) => this.#values[value]!.size,
        scratch: (label, size, dtype: DType) => this.#add({ label, size, dtype }),
        dies: (value) => this.#dies(value, position, group.root),
        takeOver: (result, value) => {
          if (!this.#windows.has(result)) this.#inPlace.set(result, value);
        },
        memo: this.#memo,
      };
    };
    const kernels = batchesOf(groups).flatMap((batch) =>
      kernelsOfBatch(batch.map(siteOf) as [Site, ...Array<Site>]),
    );
    const constants = graph.nodes.flatMap((node) =>
      node.op === "constant"
        ? [{ value: this.#value(outputOf(node)), data: attributesOf(node, "constant").data }]
        : [],
    );
    return {
      name: graph.name,
      values: this.#values,
      inputs,
      constants,
      kernels,
      inPlace: this.#inPlace,
      windows: this.#windows,
      outputs,
    };
  }
}

/** The schedule of a graph on an adapter. Throws a ComputeError for tensors that it cannot hold. */
export const lowerGraph = (
  source: Graph,
  target: Target,
  donated: ReadonlySet<string> = new Set(),
): Schedule => new Lowering(withoutPrimitives(source, claims(target)), target, donated).run();
