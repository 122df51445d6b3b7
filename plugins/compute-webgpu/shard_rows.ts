/**
 * Graphs with tensors that are larger than a binding become graphs without: a large tensor stands in pieces along its first
 * axis, and each operation on it is one on every piece. Inputs and outputs keep one buffer, of which each piece is a window.
 */
import {
  applyAll,
  attributesOf,
  type Graph,
  graph as graphOf,
  input,
  type Node,
  type OpName,
  sizeOf,
  type Tensor,
  type TensorType,
} from "@resd/tensor";
import { isPointwise } from "./pointwise.ts";
import {
  type BindingLimits,
  Cutter,
  isSharded,
  type Part,
  type Rows,
  rowsOf,
  tensorBytes,
} from "./row_shards.ts";
import {
  chain,
  gatherRows,
  matMul,
  reduceRows,
  reshape,
  type Rule,
  scatterAddRows,
  slice,
} from "./shard_rules.ts";

/** Where a piece lies: in the buffer of a whole input or output, so many bytes after its begin. */
export interface Window {
  readonly whole: string;
  readonly offset: number;
}

export interface ShardedGraph {
  readonly graph: Graph;
  /** Inputs and outputs of `graph` that are pieces of one of the source's, by name. */
  readonly inputs: ReadonlyMap<string, Window>;
  readonly outputs: ReadonlyMap<string, Window>;
}

const RULES: Partial<Record<OpName, Rule>> = {
  reshape,
  slice,
  matMul,
  gatherRows,
  scatterAddRows,
};

/** Operations whose every operand has a row for each of the result's, whatever its rank. */
const ALL_OPERANDS = new Set<OpName>(["cacheWrite", "sample"]);

/** Whether row i of the results comes of row i of every operand that has as many rows. */
const worksByRows = (node: Node): boolean => {
  switch (node.op) {
    case "rope":
    case "gatherLast":
    case "scatterAddLast":
    case "topK":
    case "adamw":
    case "cacheWrite":
    case "sample":
    case "broadcastTo":
      return true;
    case "pad": {
      const { before, after } = attributesOf(node, "pad");
      return before[0] === 0 && after[0] === 0;
    }
    case "transpose":
      return attributesOf(node, "transpose").perm[0] === 0;
    case "softmax":
    case "logSoftmax":
      return node.outputs[0]!.shape.length > 1;
    default:
      return isPointwise(node.op);
  }
};

/** The rule of a node with attributes; undefined where it is done row by row. */
const ruleOf = (node: Node): Rule | undefined => {
  switch (node.op) {
    case "sum":
    case "max":
      return attributesOf(node, node.op).axes.includes(0) ? reduceRows : undefined;
    case "concat":
      return attributesOf(node, "concat").axis === 0 ? chain : undefined;
    case "matMul":
      // In a batch of products, rows are those of the batch.
      return node.outputs[0]!.shape.length === 2 ? matMul : undefined;
    default:
      return worksByRows(node) ? undefined : (RULES[node.op] ?? refused);
  }
};

const refused: Rule = (node, _inputs, cutter) => cutter.refuse(node);

const offsetOf = (type: TensorType, { from }: Rows): number =>
  (tensorBytes(type) / type.shape[0]!) * from;

const piece = (name: string, { from, to }: Rows): string => `${name}[${from}:${to}]`;

class Sharder {
  readonly #source: Graph;
  readonly #cutter: Cutter;
  readonly #made = new Map<Node, ReadonlyArray<Part>>();
  readonly #inputs = new Map<string, Window>();

  constructor(source: Graph, limits: BindingLimits) {
    this.#source = source;
    this.#cutter = new Cutter(limits, source.name);
  }

  run(): ShardedGraph {
    const { nodes, outputs, name } = this.#source;
    for (const node of nodes) this.#made.set(node, this.#visit(node));
    const windows = new Map<string, Window>();
    const made: Record<string, Tensor> = {};
    for (const { name: whole, tensor } of outputs) {
      const x = this.#part(tensor);
      if (!isSharded(x)) {
        made[whole] = x;
        continue;
      }
      for (const rows of this.#cutter.cut(x, whole, true)) {
        made[piece(whole, rows)] = rowsOf(x, rows);
        windows.set(piece(whole, rows), { whole, offset: offsetOf(x, rows) });
      }
    }
    return { graph: graphOf(made, { name }), inputs: this.#inputs, outputs: windows };
  }

  #part({ node, index }: Tensor): Part {
    return this.#made.get(node)![index]!;
  }

  #visit(node: Node): ReadonlyArray<Part> {
    const inputs = node.inputs.map((x) => this.#part(x));
    const large = node.op !== "full" && node.outputs.some((output) => this.#cutter.isLarge(output));
    if (!large && !inputs.some(isSharded)) {
      return applyAll(node.op, inputs as ReadonlyArray<Tensor>, node.attributes as never);
    }
    if (node.op === "input") return [this.#input(node)];
    if (node.op === "constant") return [this.#constant(node)];
    const rule = ruleOf(node);
    return rule === undefined ? this.#byRows(node, inputs) : [rule(node, inputs, this.#cutter)];
  }

  /** The operation on some rows after others. */
  #byRows(node: Node, inputs: ReadonlyArray<Part>): ReadonlyArray<Part> {
    const { op, attributes } = node;
    const { shape } = node.outputs[0]!;
    const hasRows = (x: Part): boolean =>
      (x.shape.length >= shape.length || ALL_OPERANDS.has(op)) && x.shape[0] === shape[0];
    const [largest] = [...node.outputs, ...inputs.filter(hasRows)].toSorted(
      (a, b) => tensorBytes(b) - tensorBytes(a),
    );
    const ranges = this.#cutter.cut(largest!, op);
    const results = ranges.map((rows) =>
      applyAll(
        op,
        inputs.map((x) => (hasRows(x) ? rowsOf(x, rows) : this.#cutter.whole(node, x))),
        (op === "broadcastTo"
          ? { shape: shape.with(0, rows.to - rows.from) }
          : attributes) as never,
      ),
    );
    return node.outputs.map((type, index) =>
      this.#cutter.join(
        type,
        ranges,
        results.map((outputs) => outputs[index]!),
      ),
    );
  }

  #input(node: Node): Part {
    const { name, shape, dtype } = attributesOf(node, "input");
    const parts = this.#cutter.cut({ shape, dtype }, name, true).map((rows) => {
      this.#inputs.set(piece(name, rows), {
        whole: name,
        offset: offsetOf({ shape, dtype }, rows),
      });
      const tensor = input(piece(name, rows), shape.with(0, rows.to - rows.from), dtype);
      return { ...rows, tensor };
    });
    return { shape, dtype, parts };
  }

  #constant(node: Node): Part {
    const { data, shape, dtype } = attributesOf(node, "constant");
    const width = sizeOf(shape.slice(1));
    const ranges = this.#cutter.cut({ shape, dtype }, "a constant");
    const tensors = ranges.map(({ from, to }) => {
      const rows = data.slice(from * width, to * width);
      return applyAll("constant", [], { data: rows, shape: shape.with(0, to - from), dtype })[0]!;
    });
    return this.#cutter.join({ shape, dtype }, ranges, tensors);
  }
}

/** The same graph where every tensor fits into a binding. Throws a ComputeError for operations on large tensors that cannot be cut. */
export const shardRows = (source: Graph, limits: BindingLimits): ShardedGraph => {
  const large = source.nodes.some(
    ({ op, outputs }) =>
      op !== "full" && outputs.some((type) => tensorBytes(type) > limits.maxBinding),
  );
  if (!large) return { graph: source, inputs: new Map(), outputs: new Map() };
  return new Sharder(source, limits).run();
};
