/** Matrix products and the softmax family. */
import { apply } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/** How the operands of a product are read. */
export interface MatMulOptions {
  /** a holds [...,K,M] and is read as [...,M,K]. */
  readonly transA?: boolean;
  /** b holds [...,N,K] and is read as [...,K,N]. */
  readonly transB?: boolean;
  /** Factor of the product; 1 by default. */
  readonly alpha?: number;
}

/** alpha · a[…,M,K] · b[…,K,N] → […,M,N]; rank 2 or more, leading axes broadcast. */
export const matMul = (a: Tensor, b: Tensor, options: MatMulOptions = {}): Tensor =>
  apply("matMul", [a, b], {
    transA: options.transA ?? false,
    transB: options.transB ?? false,
    alpha: options.alpha ?? 1,
  });

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => apply("softmax", [x], {});

/** Log softmax over the last axis. */
export const logSoftmax = (x: Tensor): Tensor => apply("logSoftmax", [x], {});
