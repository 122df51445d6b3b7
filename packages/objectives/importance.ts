/** Importance ratios inside the graph: for losses on tokens that older weights sampled. */
import { exp, maximum, minimum, stopGradient, sub, type Tensor } from "@resd/tensor";

/** Log-ratios are cut here before exp, as in the reference implementation. */
const LARGEST_LOG_RATIO = 20;

/** exp(clip(log p(y) − old, ±20)) [N], differentiable. */
export const probabilityRatio = (logProb: Tensor, oldLogProb: Tensor): Tensor =>
  exp(minimum(maximum(sub(logProb, oldLogProb), -LARGEST_LOG_RATIO), LARGEST_LOG_RATIO));

/**
 * `is_clip`: ρ = min(exp(clip(log p(y) − old, ±20)), c) [N], detached: multiplies a per-token loss. On-policy (one
 * optimizer step per batch) it is 1.
 */
export const importanceWeight = (logProb: Tensor, oldLogProb: Tensor, clip: number): Tensor =>
  stopGradient(minimum(probabilityRatio(logProb, oldLogProb), clip));
