/** When values are computed, where memory depends on it: one after another, or a second time instead of being kept. */
import { apply } from "./apply.ts";
import { customVjp, stopGradient } from "./custom_vjp.ts";
import { add, cast, less } from "./elementwise.ts";
import { gradient } from "./gradient.ts";
import { reshape, slice } from "./movement.ts";
import { isFloat, type Tensor } from "./tensor.ts";
import { TensorError } from "./tensor_error.ts";

/** One element of x, as a scalar. */
const corner = (x: Tensor): Tensor =>
  reshape(
    slice(
      x,
      x.shape.map(() => 0),
      x.shape.map(() => 1),
    ),
    [],
  );

/**
 * x, bit for bit, on a path through all of `before`: no backend can compute what needs it until they are computed. What
 * only they needed is then no longer in memory. Gradients go to x alone.
 *
 * Gotcha: it is a node of its own, so what is built on it is never shared with the same built on x.
 */
export const after = (x: Tensor, before: ReadonlyArray<Tensor>): Tensor => {
  const other = [x, ...before].find(({ dtype }) => !isFloat(dtype));
  if (other !== undefined) {
    throw new TensorError(
      `after: Expected floats, got ${other.dtype} (${other.node.op}); order what is made of it instead`,
    );
  }
  // A number is never less than itself, and neither is NaN: a zero that no rewriting can see.
  const zeros = before.map((one) => {
    const element = stopGradient(corner(one));
    return cast(less(element, element), x.dtype);
  });
  const [first, ...rest] = zeros;
  return first === undefined ? x : add(x, rest.reduce(add, first));
};

/**
 * forward(inputs), of which nothing but the inputs is kept for the gradient: when that is asked for, everything between
 * is computed a second time (Chen et al. 2016). Values and gradients are those of `forward` itself.
 *
 * @param inputs what gradients flow to; the first is what changes from use to use, such as hidden states. What needs the
 * others alone, such as weights, is computed once.
 */
export const checkpoint = (
  inputs: ReadonlyArray<Tensor>,
  forward: (inputs: ReadonlyArray<Tensor>) => Tensor,
): Tensor =>
  customVjp(inputs, forward, (grad, [first, ...others]) => {
    if (first === undefined) return [];
    const again = [after(first, [grad]), ...others].map((x) => apply("stopGradient", [x], {}));
    return gradient(forward(again), again, grad);
  });
