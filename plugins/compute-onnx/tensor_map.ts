/** Values by tensor. */
import type { Node, Tensor } from "@resd/tensor";

/** Tensors are compared by node and output position. */
export class TensorMap<Value> {
  readonly #byNode = new Map<Node, Array<Value | undefined>>();

  get(tensor: Tensor): Value | undefined {
    return this.#byNode.get(tensor.node)?.[tensor.index];
  }

  set(tensor: Tensor, value: Value): void {
    const list = this.#byNode.get(tensor.node);
    if (list === undefined) {
      const made: Array<Value | undefined> = [];
      made[tensor.index] = value;
      this.#byNode.set(tensor.node, made);
    } else list[tensor.index] = value;
  }
}
