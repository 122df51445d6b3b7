/** Reverse KL seen at the sampled token only: an estimate that needs no distribution from the teacher. */
import { mul, stopGradient, sub, type Tensor } from "@resd/tensor";

/**
 * With Δ = log p(y) − log q̃(y): ℓ = stopgrad(Δ)·log p(y), so ∂ℓ/∂z = Δ (onehot(y) − p).
 *
 * Gotcha: the value of ℓ is no divergence, only its gradient means something. Δ is the one-sample estimate of the
 * divergence, and what should be reported.
 *
 * @param logProb log p(y) [N], differentiable.
 * @param teacherLogProb log q̃(y) [N], clamped.
 */
export const sampledKl = (
  logProb: Tensor,
  teacherLogProb: Tensor,
): { readonly loss: Tensor; readonly delta: Tensor } => {
  const delta = stopGradient(sub(logProb, teacherLogProb));
  return { loss: mul(delta, logProb), delta };
};
