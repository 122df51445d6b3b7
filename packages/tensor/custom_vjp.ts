/** Two words to autodiff: "no further" and "this is the gradient". Both are gone from a finished graph. */
import { apply } from "./apply.ts";
import type { Node, Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

/** Given the gradient of the output, the gradient of each input; undefined where there is none. */
export type Backward = (
  grad: Tensor,
  inputs: ReadonlyArray<Tensor>,
  output: Tensor,
) => ReadonlyArray<Tensor | undefined>;

const backwards = new WeakMap<Node, Backward>();

/** x, through which no gradient flows. */
export const stopGradient = (x: Tensor): Tensor => apply("stopGradient", [x], {});

/**
 * A closed-form gradient: `forward` builds the output from the inputs, `backward` replaces what autodiff would derive.
 *
 * Gotcha: gradient reaches only the listed inputs; a tensor that `forward` takes from outside gets none.
 */
export const customVjp = (
  inputs: ReadonlyArray<Tensor>,
  forward: (inputs: ReadonlyArray<Tensor>) => Tensor,
  backward: Backward,
): Tensor => {
  const wrapped = apply("customVjp", [...inputs, forward(inputs)], {});
  backwards.set(wrapped.node, backward);
  return wrapped;
};

/** The backward rule given to `customVjp`. */
export const backwardOf = (node: Node): Backward => {
  const backward = backwards.get(node);
  if (backward === undefined) {
    throw new TensorError(
      "customVjp: Expected a node made by customVjp(), got a copy of one; take gradients before rewriting",
    );
  }
  return backward;
};
