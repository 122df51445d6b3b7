import { attributesOf } from "./apply.ts";
import { matMul } from "./linear.ts";
import { reshape } from "./movement.ts";
import { sizeOf } from "./shape.ts";
import { sumTo } from "./sum_to.ts";
import type { Node, Tensor } from "./tensor.ts";

/** All leading axes folded into the rows: [...,M,N] → [R,N]. */
const fold = (x: Tensor): Tensor => reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]);

/** The gradient of a: its own layout, so only flags change and nothing is transposed. */
const left = (g: Tensor, b: Tensor, transA: boolean, transB: boolean, alpha: number): Tensor =>
  transA
    ? matMul(b, g, { transA: transB, transB: true, alpha })
    : matMul(g, b, { transB: !transB, alpha });

const right = (g: Tensor, a: Tensor, transA: boolean, transB: boolean, alpha: number): Tensor =>
  transB
    ? matMul(g, a, { transA: true, transB: transA, alpha })
    : matMul(a, g, { transA: !transA, alpha });

/**
 * Gradients of y = alpha · op(a)·op(b).
 *
 * A weight that every matrix of a batch shares gets its gradient from one product of the folded batch,
 * gᵀ[F,N]·x[N,D], not from a batch of products and their sum.
 */
export const matMulGradient = (
  node: Node,
  g: Tensor,
  wanted: ReadonlyArray<boolean>,
): ReadonlyArray<Tensor | undefined> => {
  const [a, b] = node.inputs as [Tensor, Tensor];
  const { transA, transB, alpha } = attributesOf(node, "matMul");
  const shared = g.shape.length > 2 && sizeOf(b.shape.slice(0, -2)) === 1;
  return [
    wanted[0] ? sumTo(left(g, b, transA, transB, alpha), a.shape) : undefined,
    wanted[1]
      ? shared && !transA
        ? reshape(right(fold(g), fold(a), false, transB, alpha), b.shape)
        : sumTo(right(g, a, transA, transB, alpha), b.shape)
      : undefined,
  ];
};
