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

/** Lowers the head: names of ONNX values, made on demand in topological order. */
export class Head {
  readonly emitter = new Emitter();
  readonly names = new TensorMap<string>();
  readonly #used = new Map<string, Tensor>();
  readonly #provider: Provider;
  #work = 0;

  constructor(provider: Provider) {
    this.#provider = provider;
  }

  /** Inputs that the model reads. */
  get inputs(): ReadonlyArray<readonly [string, Tensor]> {
    return [...this.#used];
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
      const name = `in:${node.attributes.name as string}`;
      const { shape, dtype } = node.outputs[0]!;
      this.#used.set(name, { node, index: 0, shape, dtype });
      this.#bind(node, [name]);
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
    const inputs = () => node.inputs.map((input) => this.name(input));
    const special = SPECIAL_RULES[node.op]?.(emitter, node, (tensor) => this.name(tensor));
    if (special !== undefined) this.#bind(node, special);
    else if (rule !== undefined) this.#bind(node, rule(emitter, node, inputs()));
    else
      this.#bind(
        node,
        this.#decomposed(node).map((tensor) => this.name(tensor)),
      );
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
