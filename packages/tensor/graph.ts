/** Finished graphs: what backends compile. */
import { applyAll } from "./apply.ts";
import { decompose } from "./composites.ts";
import type { OpAttributes, OpName } from "./op_attributes.ts";
import { OPS } from "./ops.ts";
import { formatShape, sameShape, type Shape } from "./shape.ts";
import { type Make, simplify } from "./simplify.ts";
import { hashData, hashText } from "./structural_hash.ts";
import {
  type Attribute,
  type Attributes,
  type DType,
  type Node,
  outputsOf,
  type Tensor,
} from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";
import { topologicalOrder } from "./topological_order.ts";

/** An input of a graph. */
export interface GraphInput {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** An output of a graph. */
export interface GraphOutput {
  readonly name: string;
  /** May be an input, or the same tensor as another output. */
  readonly tensor: Tensor;
}

/** Immutable; equal structure means equal hash, in every process. The name is for people and not part of the hash. */
export interface Graph {
  readonly name: string;
  /** The inputs that the outputs need, in order of first use. */
  readonly inputs: ReadonlyArray<GraphInput>;
  readonly outputs: ReadonlyArray<GraphOutput>;
  /** All nodes, inputs before users. */
  readonly nodes: ReadonlyArray<Node>;
  readonly hash: string;
}

/** Whether a backend has a kernel for a primitive, of these shapes. */
export type Claims = (op: OpName, node: Node) => boolean;

const COMMUTATIVE = new Set<OpName>(["add", "mul", "maximum", "minimum", "equal", "logicalAnd"]);

const formatNumber = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

const formatAttribute = (value: Attribute): string => {
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (ArrayBuffer.isView(value)) return `#${hashData(value as Float32Array)}`;
  return `[${(value as ReadonlyArray<number>).map(formatNumber).join(",")}]`;
};

/** Attributes as canonical text; data stands as the hash of its bits. */
export const formatAttributes = (attributes: Attributes): string =>
  Object.keys(attributes)
    .toSorted()
    .map((key) => `${key}=${formatAttribute(attributes[key]!)}`)
    .join(" ");

/** Rebuilds nodes bottom-up, giving equal nodes one identity. */
class Rewriter {
  readonly #rebuilt = new Map<Node, ReadonlyArray<Tensor>>();
  readonly #byKey = new Map<string, Node>();
  readonly #ids = new Map<Node, number>();
  readonly #inputs = new Map<string, GraphInput>();
  readonly #keeps: Claims;

  constructor(keeps: Claims) {
    this.#keeps = keeps;
  }

  rewrite(tensor: Tensor): Tensor {
    for (const node of topologicalOrder([tensor], (known) => this.#rebuilt.has(known))) {
      const inputs = node.inputs.map((input) => this.#rebuilt.get(input.node)![input.index]!);
      this.#rebuilt.set(node, this.#rebuild(node.op, inputs, node.attributes));
    }
    return this.#rebuilt.get(tensor.node)![tensor.index]!;
  }

  readonly #make: Make = (op, inputs, attributes) => this.#rebuild(op, inputs, attributes)[0]!;

  #rebuild(
    op: OpName,
    inputs: ReadonlyArray<Tensor>,
    attributes: Attributes,
  ): ReadonlyArray<Tensor> {
    if (op === "input") this.#checkInput(attributes as unknown as OpAttributes["input"]);
    const operands = inputs.map((tensor) => this.#ids.get(tensor.node)! + `.${tensor.index}`);
    if (COMMUTATIVE.has(op)) operands.sort();
    const key = `${op}(${operands.join(",")}) ${formatAttributes(attributes)}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return outputsOf(known);
    const made = applyAll(op, inputs, attributes as never);
    const [first] = made as [Tensor];
    const simpler = simplify({ op, inputs, attributes, type: first }, this.#make);
    if (simpler !== undefined) return [simpler];
    if (OPS[op].kind === "primitive" && !this.#keeps(op, first.node)) {
      return decompose(first.node).map((tensor) => this.rewrite(tensor));
    }
    this.#byKey.set(key, first.node);
    this.#ids.set(first.node, this.#ids.size);
    this.#rebuilt.set(first.node, made);
    return made;
  }

  #checkInput({ name, shape, dtype }: OpAttributes["input"]): void {
    const earlier = this.#inputs.get(name);
    if (earlier !== undefined && (earlier.dtype !== dtype || !sameShape(earlier.shape, shape))) {
      throw new TensorError(
        `graph: Expected one shape and dtype for input "${name}", got ${earlier.dtype}${formatShape(earlier.shape)} and ${dtype}${formatShape(shape)}; give one of them another name`,
      );
    }
    if (earlier === undefined) this.#inputs.set(name, { name, shape, dtype });
  }
}

const hashOf = (nodes: ReadonlyArray<Node>, outputs: ReadonlyArray<GraphOutput>): string => {
  const numbers = new Map(nodes.map((node, index) => [node, index]));
  const reference = (tensor: Tensor) => `${numbers.get(tensor.node)}.${tensor.index}`;
  const lines = nodes.map(
    ({ op, inputs, attributes }) =>
      `${op}(${inputs.map(reference).join(",")}) ${formatAttributes(attributes)}`,
  );
  const results = outputs.map(({ name, tensor }) => `${JSON.stringify(name)}=${reference(tensor)}`);
  return hashText([...lines, ...results].join("\n"));
};

const build = (name: string, wanted: ReadonlyArray<GraphOutput>, keeps: Claims): Graph => {
  const rewriter = new Rewriter(keeps);
  const outputs = wanted.map((output) => ({
    name: output.name,
    tensor: rewriter.rewrite(output.tensor),
  }));
  const nodes = topologicalOrder(outputs.map(({ tensor }) => tensor));
  const inputs = nodes
    .filter((node) => node.op === "input")
    .map((node) => ({ ...(node.attributes as unknown as OpAttributes["input"]) }));
  return { name, inputs, outputs, nodes, hash: hashOf(nodes, outputs) };
};

/**
 * Makes a graph of what the outputs need: equal nodes shared, dead code and autodiff's wrappers gone, and small
 * simplifications that cannot change a result. Throws a TensorError when inputs of one name differ.
 */
export const graph = (
  outputs: Readonly<Record<string, Tensor>>,
  options: { readonly name?: string } = {},
): Graph =>
  build(
    options.name ?? "graph",
    Object.entries(outputs).map(([name, tensor]) => ({ name, tensor })),
    () => true,
  );

/**
 * The graph with every primitive that the backend does not claim replaced by its composite, so that forward and
 * backward passes share what they have in common. Input and output names stay.
 */
export const lower = (source: Graph, claims: Claims): Graph =>
  build(source.name, source.outputs, claims);
