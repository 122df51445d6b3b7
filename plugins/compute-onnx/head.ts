/** The part of a graph that becomes an ONNX model. */
import { decompose, type Node, type Tensor } from "@resd/tensor";
import { Emitter, sizeOf } from "./emitter.ts";
import type { Provider } from "./protocol.ts";
import { RULES, SPECIAL_RULES } from "./rules/rules.ts";
import { WEBGPU_RULES } from "./rules/webgpu.ts";
import { TensorMap } from "./tensor_map.ts";

const workOf = ({ op, inputs, outputs, attributes }: Node): number => {
  const results = sizeOf(outputs[0]!.shape);
  if (op !== "matMul") return results;
  return 2 * results * inputs[0]!.shape.at(attributes.transA === true ? -2 : -1)!;
};

/** An input that the model reads, under the name that it has there. */
export interface HeadInput {
  readonly name: string;
  /** Name of the graph's input. */
  readonly input: string;
  readonly tensor: Tensor;
  /** Whether it is baked into the model. */
  readonly constant: boolean;
}

/** Lowers the head: names of ONNX values, made on demand in topological order. */
export class Head {
  readonly emitter = new Emitter();
  readonly names = new TensorMap<string>();
  readonly #used = new Map<string, HeadInput>();
  readonly #provider: Provider;
  readonly #constant: ReadonlySet<string>;
  #work = 0;

  /** @param constant names of inputs that are to be baked into the model */
  constructor(provider: Provider, constant: ReadonlySet<string>) {
    this.#provider = provider;
    this.#constant = constant;
  }

  /** Inputs that the model reads. */
  get inputs(): ReadonlyArray<HeadInput> {
    return [...this.#used.values()];
  }

  name(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    this.#lower(tensor.node);
    return this.names.get(tensor)!;
  }

  /** Arithmetic operations of all nodes so far, counting one a result but for products. */
  get work(): number {
    return this.#work;
  }

  #bind(node: Node, names: ReadonlyArray<string>): void {
    names.forEach((name, index) => {
      const { shape, dtype } = node.outputs[index]!;
      this.names.set({ node, index, shape, dtype }, name);
    });
  }

  #lower(node: Node): void {
    const { emitter } = this;
    if (node.op === "input") {
      this.#bind(node, [this.#read(node, this.#constant.has(node.attributes.name as string))]);
      return;
    }
    if (node.op === "constant") {
      const { shape, dtype } = node.outputs[0]!;
      this.#bind(node, [emitter.tensor(node.attributes.data as ArrayLike<number>, shape, dtype)]);
      return;
    }
    if (node.op === "full") {
      const { shape, dtype } = node.outputs[0]!;
      const scalar = emitter.scalar(node.attributes.value as number, dtype);
      this.#bind(node, [
        shape.length === 0 ? scalar : emitter.emit("Expand", [scalar, emitter.longs(shape)]),
      ]);
      return;
    }
    this.#work += workOf(node);
    const rule =
      (this.#provider === "webgpu" ? WEBGPU_RULES[node.op] : undefined) ?? RULES[node.op];
    const inputs = () =>
      node.inputs.map((input, at) =>
        node.op === "gatherRows" && at === 0 ? this.#table(input) : this.name(input),
      );
    const special = SPECIAL_RULES[node.op]?.(emitter, node, (tensor) => this.name(tensor));
    if (special !== undefined) this.#bind(node, special);
    else if (rule !== undefined) this.#bind(node, rule(emitter, node, inputs()));
    else
      this.#bind(
        node,
        this.#decomposed(node).map((tensor) => this.name(tensor)),
      );
  }

  #read(node: Node, constant: boolean): string {
    const input = node.attributes.name as string;
    const name = constant ? `constant:${input}` : `in:${input}`;
    const { shape, dtype } = node.outputs[0]!;
    this.#used.set(name, { name, input, tensor: { node, index: 0, shape, dtype }, constant });
    return name;
  }

  /**
   * A table that rows are looked up in. It is fed, even where it is a constant: ONNX Runtime lets a constant go when every use
   * of it has a packed copy, and for rows there is none, so that of tied embeddings it would keep both.
   */
  #table(tensor: Tensor): string {
    return tensor.node.op === "input" ? this.#read(tensor.node, false) : this.name(tensor);
  }

  #decomposed(node: Node): ReadonlyArray<Tensor> {
    try {
      return decompose(node);
    } catch {
      throw new Error(
        `Expected the result of ${node.op} to be an output of the graph, got a use inside it; this backend runs ${node.op} after the session`,
      );
    }
  }
}
