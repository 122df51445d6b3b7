import type { Tensor } from "@resd/tensor";

/**
 * A divergence between two bucket distributions, per row (RESD specification §2.4). Both arguments are log-probabilities
 * [N,b]: log s of the student, log t̃ of the clamped teacher, which need not sum to 1.
 */
export interface BucketLoss {
  /** ℓ [N]. */
  readonly value: (logS: Tensor, logT: Tensor) => Tensor;
  /**
   * h = ∂ℓ/∂ log s [N,b] with t̃ constant: s·u in the terms of §2.5. Written so that it stays finite where s underflows,
   * which u = h/s does not.
   */
  readonly slope: (logS: Tensor, logT: Tensor) => Tensor;
}
