import type { Tensor } from "@resd/tensor";

/**
 * A divergence between two bucket distributions, per row. Both arguments are log-probabilities [N,b]: log s of the
 * student, log t̃ of the clamped teacher, which need not sum to 1.
 */
export interface BucketLoss {
  /** ℓ [N]. */
  readonly value: (logS: Tensor, logT: Tensor) => Tensor;
  /**
   * h = ∂ℓ/∂ log s [N,b] with t̃ constant. Written so that it stays finite where s underflows, which ∂ℓ/∂s = h/s does
   * not.
   */
  readonly slope: (logS: Tensor, logT: Tensor) => Tensor;
}
