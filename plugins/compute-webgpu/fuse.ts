/**
 * Decides which tensors get storage. What has none is computed inside the kernels that need it: operations on each element
 * and moves of elements are written into the reductions, products and other elements that follow them, as long as that
 * computes nothing costly twice and binds no more buffers than a kernel may see.
 */
import { type Graph, type Node, type OpName, sameShape, sizeOf, type Tensor } from "@resd/tensor";
import { inOrder } from "./group_order.ts";
import { costOf, isPointwise } from "./pointwise.ts";
import { type RowBatch, rowBatches } from "./row_batches.ts";
import { rowRegions } from "./row_regions.ts";
import { unshaped } from "./site.ts";
import { hasVectors, stridedView } from "./strided_view.ts";

/** Operations with a kernel of their own whose operand may be any expression. */
const READS_EXPRESSION = new Set<OpName>(["sum", "max", "softmax", "logSoftmax"]);

/** Operations whose result may pass through further operations on each element before it is stored. */
const TAKES_EPILOGUE = new Set<OpName>(["sum", "max", "softmax", "logSoftmax", "matMul"]);

/** Operands whose rows a kernel finds in what they are views of, by position. */
const READS_VIEWS: Partial<Record<OpName, ReadonlySet<number>>> = {
  attention: new Set([0, 1, 2]),
  attentionGradient: new Set([0, 1, 2, 3, 5]),
  cachedAttention: new Set([0, 1, 2, 3, 4]),
};

const SOURCES = new Set<OpName>(["input", "constant", "full"]);
const VIEWS = new Set<OpName>(["reshape", "transpose", "slice", "broadcastTo"]);
const MOVES = new Set<OpName>(["pad", "concat", "gatherRows", "gatherLast", "rope"]);

/** Cost of an expression that may be computed more than once for each of its elements. */
const CHEAP = 4;

/** What one node's kernels compute: the node whose result is stored, and what it takes. */
export interface Group {
  readonly root: Node;
  /** The node inside that is more than an expression. */
  readonly core: Node | undefined;
  /** For add(base, scatter): the scatter that adds into its base. */
  readonly scatter: Node | undefined;
  /** Where one kernel computes what works on each row by itself: its results, of which the root is the first. */
  readonly rows?: RowBatch;
  /** Nodes with storage that are read. */
  readonly reads: ReadonlySet<Node>;
}

export interface Fusion {
  /** In the order in which they run. */
  readonly groups: ReadonlyArray<Group>;
  /** Whether the node's results have storage. */
  readonly isStored: (node: Node) => boolean;
}

interface Inline {
  /** Nodes with storage that the expression reads. */
  readonly leaves: ReadonlySet<Node>;
  readonly cost: number;
  /** The kernel whose result the expression passes on, position by position. */
  readonly core: Node | undefined;
}

/** How often each element of an operand is computed for a result, at most. */
const repeats = (consumer: Node, operand: Tensor): number => {
  if (consumer.op === "softmax" || consumer.op === "logSoftmax") return 3;
  if (consumer.op === "rope") return operand === consumer.inputs[0] ? 2 : 64;
  if (consumer.op === "sum" || consumer.op === "max") return 1;
  if (consumer.op === "slice" || consumer.op === "pad" || consumer.op === "concat") return 1;
  return sizeOf(consumer.outputs[0]!.shape) > sizeOf(operand.shape) ? 2 : 1;
};

export class Fuser {
  readonly #graph: Graph;
  readonly #maxLeaves: number;
  readonly #consumers = new Map<Node, Set<Node>>();
  readonly #outputs: ReadonlySet<Node>;
  readonly #stored = new Set<Node>();
  readonly #inline = new Map<Node, Inline>();
  readonly #scatters = new Map<Node, Node>();
  readonly #rows: ReadonlyArray<RowBatch>;
  readonly #ofRows = new Set<Node>();

  /** `maxLeaves`: buffers that a kernel may read besides its result. */
  constructor(graph: Graph, maxLeaves: number, rows: ReadonlyArray<RowBatch>) {
    this.#graph = graph;
    this.#maxLeaves = maxLeaves;
    this.#rows = rows;
    for (const { region } of rows) for (const node of region.levels.keys()) this.#ofRows.add(node);
    this.#outputs = new Set(graph.outputs.map(({ tensor }) => unshaped(tensor).node));
    for (const node of graph.nodes) {
      for (const { node: from } of node.inputs) {
        const list = this.#consumers.get(from) ?? new Set();
        list.add(node);
        this.#consumers.set(from, list);
      }
    }
  }

  run(): Fusion {
    const { nodes, outputs } = this.#graph;
    const batches = new Map(this.#rows.map((batch) => [batch.results[0]!.node, batch]));
    for (const { results, sources } of this.#rows) {
      for (const result of results) this.#store(result);
      for (const source of sources) this.#storeSource(source);
    }
    for (const node of nodes) if (!this.#ofRows.has(node)) this.#visit(node);
    for (const { tensor } of outputs) this.#store(tensor);
    const taken = new Set(this.#scatters.values());
    const groups = nodes
      .filter((node) => this.#stored.has(node) && !SOURCES_WITH_DATA.has(node.op))
      .filter((node) => !taken.has(node) && (batches.has(node) || !this.#ofRows.has(node)))
      .map((root): Group => {
        const rows = batches.get(root);
        return {
          root,
          core: this.#inline.get(root)?.core,
          scatter: this.#scatters.get(root),
          ...(rows === undefined ? {} : { rows }),
          reads: this.#readsOf(rows?.sources ?? root.inputs),
        };
      });
    return { groups: inOrder(groups), isStored: (node) => this.#stored.has(node) };
  }

  /** What a region reads: a view of something stored stays a view. */
  #storeSource(tensor: Tensor): void {
    let base = tensor;
    while (VIEWS.has(base.node.op)) base = base.node.inputs[0]!;
    if (base.node.op !== "full") this.#store(SOURCES.has(base.node.op) ? base : tensor);
  }

  /** Nodes with storage that are read for operands, now that all storage is decided. */
  #readsOf(operands: ReadonlyArray<Tensor>): ReadonlySet<Node> {
    const reads = new Set<Node>();
    const seen = new Set<Node>();
    const open = [operands];
    for (let inputs = open.pop(); inputs !== undefined; inputs = open.pop()) {
      for (const x of inputs) {
        const from = unshaped(x).node;
        if (this.#stored.has(from)) reads.add(from);
        else if (!seen.has(from)) open.push(from.inputs);
        seen.add(from);
      }
    }
    return reads;
  }

  /** How many nodes need a result. */
  #uses(node: Node): number {
    return (this.#consumers.get(node)?.size ?? 0) + (this.#outputs.has(node) ? 1 : 0);
  }

  /** Gives a tensor storage; what is reshaped only shows the storage of another. */
  #store(tensor: Tensor): void {
    this.#stored.add(unshaped(tensor).node);
  }

  #storeSelf(tensor: Tensor): Node {
    this.#store(tensor);
    return unshaped(tensor).node;
  }

  /** Gives storage to what a tensor is a view of, where its rows can be read from there, else to the tensor; which it is. */
  #storeRows(tensor: Tensor): Node {
    let base = tensor;
    while (VIEWS.has(base.node.op) && !this.#isStored(base)) base = base.node.inputs[0]!;
    if (base.node.op !== "full") this.#store(base);
    const view = stridedView(tensor, (x) => this.#isStored(x));
    if (view !== undefined && hasVectors(view, tensor.shape.at(-1)!)) return unshaped(base).node;
    return this.#storeSelf(tensor);
  }

  #isStored(tensor: Tensor): boolean {
    return this.#stored.has(unshaped(tensor).node);
  }

  #visit(node: Node): void {
    if (SOURCES.has(node.op)) {
      if (node.op !== "full") this.#stored.add(node);
      return;
    }
    const scatter = this.#scatterOf(node);
    if (scatter !== undefined) {
      this.#scatters.set(node, scatter);
      const base = node.inputs.find((x) => x.node !== scatter)!;
      this.#store(base);
      this.#stored.delete(scatter);
      this.#stored.add(node);
      const leaves = new Set([base, ...scatter.inputs].map((x) => unshaped(x).node));
      this.#inline.set(node, { leaves, cost: 0, core: scatter });
      return;
    }
    const isCore =
      (!isPointwise(node.op) && !VIEWS.has(node.op) && !MOVES.has(node.op)) || this.#isWide(node);
    if (isCore && !READS_EXPRESSION.has(node.op)) {
      const views = READS_VIEWS[node.op];
      const sources = node.inputs.map((x, position) =>
        views?.has(position) === true ? this.#storeRows(x) : this.#storeSelf(x),
      );
      this.#inline.set(node, { leaves: new Set(sources), cost: 0, core: node });
      if (!TAKES_EPILOGUE.has(node.op)) this.#stored.add(node);
      return;
    }
    this.#inline.set(node, this.#combine(node, isCore));
  }

  /** Whether a concatenation has more parts than a kernel can bind. */
  #isWide(node: Node): boolean {
    return node.op === "concat" && node.inputs.length > this.#maxLeaves;
  }

  /** The scatter whose sums `node` adds to another tensor, when nobody else needs it. */
  #scatterOf(node: Node): Node | undefined {
    if (node.op !== "add") return undefined;
    const [a, b] = node.inputs as [Tensor, Tensor];
    if (!sameShape(a.shape, b.shape) || a.node === b.node || a.dtype === "f16") return undefined;
    return [b, a].find(
      ({ node: { op }, node: from }) =>
        (op === "scatterAddRows" || op === "scatterAddLast") &&
        this.#uses(from) === 1 &&
        !this.#ofRows.has(from),
    )?.node;
  }

  /** Whether `node` passes an operand on position by position. */
  #keepsPositions(node: Node, operand: Tensor): boolean {
    if (node.op === "reshape") return true;
    return isPointwise(node.op) && sameShape(operand.shape, node.outputs[0]!.shape);
  }

  /** Whether an operand has to be stored before `node` can read it. */
  #mustStore(node: Node, operand: Tensor): boolean {
    const from = operand.node;
    const inline = this.#inline.get(from);
    if (inline === undefined) return false;
    const uses = this.#uses(from);
    // A view costs nothing and may be written twice; what it shows may not.
    const viewed = VIEWS.has(from.op) && inline.core === undefined && inline.cost === 0;
    if (uses > 1 && !viewed) return true;
    if (inline.core !== undefined) {
      if (!TAKES_EPILOGUE.has(inline.core.op)) return true;
      if (!this.#keepsPositions(node, operand) || this.#outputs.has(from)) return true;
    }
    return inline.cost > CHEAP && repeats(node, operand) > 1;
  }

  #combine(node: Node, isCore: boolean): Inline {
    const operands = [...new Map(node.inputs.map((x) => [x.node, x])).values()];
    const limit = this.#maxLeaves - (isCore ? 2 : 0);
    for (const x of operands) if (this.#mustStore(node, x)) this.#store(x);
    const open = (): ReadonlyArray<Tensor> =>
      operands.filter((x) => !this.#isStored(x) && x.node.op !== "full");
    // One kernel has one core: a product keeps its epilogue, other cores are stored.
    const cored = open().filter((x) => this.#inline.get(x.node)?.core !== undefined);
    const kept = cored.find((x) => this.#inline.get(x.node)!.core!.op === "matMul") ?? cored[0];
    for (const x of cored) if (x !== kept || isCore) this.#store(x);
    const leavesOf = (): Set<Node> => {
      const leaves = new Set<Node>();
      for (const x of operands) {
        if (this.#isStored(x)) leaves.add(unshaped(x).node);
        else for (const leaf of this.#inline.get(x.node)?.leaves ?? []) leaves.add(leaf);
      }
      return leaves;
    };
    let leaves = leavesOf();
    while (leaves.size > limit) {
      const widest = open().toSorted(
        (a, b) => this.#inline.get(b.node)!.leaves.size - this.#inline.get(a.node)!.leaves.size,
      )[0];
      if (widest === undefined || this.#inline.get(widest.node)!.leaves.size <= 1) break;
      this.#store(widest);
      leaves = leavesOf();
    }
    const inner = open().reduce((sum, x) => sum + this.#inline.get(x.node)!.cost, 0);
    const core = open().find((x) => this.#inline.get(x.node)!.core !== undefined)?.node;
    return {
      leaves,
      cost: isCore ? 0 : inner + costOf(node.op),
      core: isCore ? node : core && this.#inline.get(core)!.core,
    };
  }
}

/** Sources that somebody else fills. */
const SOURCES_WITH_DATA = new Set<OpName>(["input", "constant"]);

/** Decides for a whole graph. `rows`: whether what works on each row by itself is computed by kernels of its own. */
export const fuse = (graph: Graph, maxBuffers: number, rows: boolean): Fusion => {
  const batches = rows
    ? rowRegions(graph).flatMap((region) => rowBatches(graph, region, maxBuffers) ?? [])
    : [];
  return new Fuser(graph, maxBuffers - 1, batches).run();
};
