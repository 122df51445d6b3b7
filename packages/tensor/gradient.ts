/** Reverse-mode differentiation as graph rewriting: gradients are ordinary nodes. */
import { decompose } from "./composites.ts";
import { add } from "./elementwise.ts";
import { RULES } from "./gradient_rules.ts";
import { OPS } from "./ops.ts";
import { sameShape, sizeOf } from "./shape.ts";
import { full } from "./sources.ts";
import { isFloat, type Node, outputsOf, type Tensor } from "./tensor.ts";
import { ShapeError, TensorError } from "./tensor_error.ts";
import { topologicalOrder } from "./topological_order.ts";

/** Which node stands for a node. */
type Identify = (node: Node) => Node;

/** Inputs of one name are one value, wherever they were made: the first one seen stands for all. */
const byInputName = (): Identify => {
  const first = new Map<string, Node>();
  return (node) => {
    if (node.op !== "input") return node;
    const name = node.attributes.name as string;
    const known = first.get(name) ?? node;
    first.set(name, known);
    return known;
  };
};

/** Gradients collected so far, by node and output. */
class Gradients {
  readonly #byNode = new Map<Node, Array<Tensor | undefined>>();
  readonly #identify: Identify;

  constructor(identify: Identify) {
    this.#identify = identify;
  }

  of(node: Node): ReadonlyArray<Tensor | undefined> | undefined {
    return this.#byNode.get(this.#identify(node));
  }

  add({ node, index }: Tensor, grad: Tensor): void {
    const key = this.#identify(node);
    const list = this.#byNode.get(key) ?? node.outputs.map(() => undefined);
    const earlier = list[index];
    list[index] = earlier === undefined ? grad : add(earlier, grad);
    this.#byNode.set(key, list);
  }
}

/** A tensor whose gradient is known to begin with. */
interface Seed {
  readonly root: Tensor;
  readonly grad: Tensor;
}

/** The targets, and all of the ordered nodes that a gradient must pass on its way to them. */
const nodesOnPath = (
  order: ReadonlyArray<Node>,
  wrt: ReadonlyArray<Tensor>,
  identify: Identify,
): ReadonlySet<Node> => {
  const onPath = new Set(wrt.map(({ node }) => identify(node)));
  for (const node of order) {
    const reached = node.inputs.some(
      (input) => isFloat(input.dtype) && onPath.has(identify(input.node)),
    );
    if (reached && node.op !== "stopGradient") onPath.add(node);
  }
  return onPath;
};

/** The gradients of a primitive's inputs through its composite. */
const throughComposite = (
  node: Node,
  grads: ReadonlyArray<Tensor | undefined>,
  wanted: ReadonlyArray<boolean>,
): ReadonlyArray<Tensor | undefined> => {
  const seeds = decompose(node).flatMap((root, index): ReadonlyArray<Seed> => {
    const grad = grads[index];
    return grad === undefined ? [] : [{ root, grad }];
  });
  // A tensor used as several inputs gets all of its gradient at the first of them.
  const isFirst = (x: Tensor, position: number): boolean =>
    node.inputs.findIndex((other) => other.node === x.node && other.index === x.index) === position;
  const wrt = node.inputs.filter((_, position) => wanted[position]);
  const leaves = new Set(node.inputs.map((input) => input.node));
  // Each use keeps its own share: the caller adds them up.
  const found = backpropagate(seeds, wrt, leaves, (same) => same);
  return node.inputs.map((x, position) =>
    wanted[position] && isFirst(x, position) ? found[wrt.indexOf(x)] : undefined,
  );
};

const backward = (
  node: Node,
  grads: ReadonlyArray<Tensor | undefined>,
  wanted: ReadonlyArray<boolean>,
): ReadonlyArray<Tensor | undefined> => {
  const rule = RULES[node.op];
  if (rule !== undefined) return rule({ node, grads, outputs: outputsOf(node), wanted });
  if (OPS[node.op].kind === "primitive") return throughComposite(node, grads, wanted);
  throw new TensorError(
    `gradient: Expected differentiable operations between the loss and its parameters, got ${node.op}; put stopGradient() around it`,
  );
};

/** Gradients of the seeded roots; nothing behind `leaves` is looked at, even where one leaf depends on another. */
const backpropagate = (
  seeds: ReadonlyArray<Seed>,
  wrt: ReadonlyArray<Tensor>,
  leaves: ReadonlySet<Node>,
  identify: Identify,
): ReadonlyArray<Tensor | undefined> => {
  const gradients = new Gradients(identify);
  const order = topologicalOrder(
    seeds.map(({ root }) => root),
    (node) => leaves.has(node),
  );
  const onPath = nodesOnPath(order, wrt, identify);
  for (const { root, grad } of seeds) gradients.add(root, grad);
  for (const node of order.toReversed()) {
    const grads = gradients.of(node);
    const wanted = node.inputs.map(
      (input) => isFloat(input.dtype) && onPath.has(identify(input.node)),
    );
    if (grads === undefined || !onPath.has(node) || !wanted.includes(true)) continue;
    backward(node, grads, wanted).forEach((grad, index) => {
      if (grad !== undefined && wanted[index]) gradients.add(node.inputs[index]!, grad);
    });
  }
  return wrt.map((tensor) => gradients.of(tensor.node)?.[tensor.index]);
};

/**
 * Gradients of `loss` with respect to each tensor of `wrt`, as tensors of the same shapes: zeros where no path leads
 * from one to the other. Ids, comparisons and `stopGradient` end a path.
 *
 * @param loss a scalar, or any shape together with a seed
 * @param wrt floats; inputs or anything computed on the way
 * @param seed the gradient of the loss, of its shape; 1 by default
 *
 * Throws a TensorError where the path leads through `cacheWrite` or `sample`, which have no gradient.
 */
export const gradient = (
  loss: Tensor,
  wrt: ReadonlyArray<Tensor>,
  seed?: Tensor,
): ReadonlyArray<Tensor> => {
  if (seed === undefined && sizeOf(loss.shape) !== 1) {
    throw new ShapeError("gradient", "a scalar loss", [loss.shape], "sum it, or give a seed");
  }
  if (seed !== undefined && !sameShape(seed.shape, loss.shape)) {
    throw new ShapeError(
      "gradient",
      "a seed of the loss's shape",
      [loss.shape, seed.shape],
      "broadcast it first",
    );
  }
  const bad = [loss, ...wrt].find(({ dtype }) => !isFloat(dtype));
  if (bad !== undefined) {
    throw new TensorError(
      `gradient: Expected floats, got ${bad.dtype} (${bad.node.op}); only f32 and f16 have gradients`,
    );
  }
  const grad = seed ?? full(1, loss.shape, loss.dtype);
  const found = backpropagate([{ root: loss, grad }], wrt, new Set(), byInputName());
  return wrt.map(({ shape, dtype }, index) => found[index] ?? full(0, shape, dtype));
};
