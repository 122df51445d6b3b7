/** GRPO's clipped loss with dual clip, on an advantage per token. */
import type { PolicyGradient } from "@resd/core";
import {
  cast,
  less,
  logicalAnd,
  maximum,
  minimum,
  mul,
  neg,
  stopGradient,
  type Tensor,
  where,
} from "@resd/tensor";
import { checkObjective } from "./check.ts";
import { probabilityRatio } from "./importance.ts";
import { tokenLogProb } from "./token_log_prob.ts";

/** What the clipped loss is made from, for N sampled tokens. */
export interface PolicyGradientInput {
  /** [N,V], at temperature 1. */
  readonly logits: Tensor;
  /** y, i32 [N]. */
  readonly tokens: Tensor;
  /** log p(y) [N] under the weights that sampled. */
  readonly oldLogProb: Tensor;
  /** A [N]: a sample's advantage repeated over its tokens (GRPO), or shaped per token (RLSD). */
  readonly advantage: Tensor;
  readonly objective: PolicyGradient;
}

/** Per-token results [N]; only `loss` has a gradient. */
export interface PolicyGradientLoss {
  readonly loss: Tensor;
  readonly logProb: Tensor;
  /** r = p(y) / p_old(y). */
  readonly ratio: Tensor;
  /** 1 where a clip stops the gradient, else 0. */
  readonly clipped: Tensor;
}

/** Largest factor by which a negative advantage counts (dual clip). */
const DUAL_CLIP = 3;

/**
 * With r = exp(clip(log p(y) − old, ±20)): ℓ = max(−A·r, −A·clip(r, 1 − clipLow, 1 + clipHigh)), and for A < 0 at most
 * −3·A. On-policy r = 1 and ∂ℓ/∂z = −A (onehot(y) − p).
 */
export const policyGradient = (given: PolicyGradientInput): PolicyGradientLoss => {
  checkObjective(given.objective);
  const { clipLow, clipHigh } = given.objective;
  const A = stopGradient(given.advantage);
  const logProb = tokenLogProb(given.logits, given.tokens);
  const r = probabilityRatio(logProb, stopGradient(given.oldLogProb));
  const plain = neg(mul(A, r));
  const clipped = neg(mul(A, minimum(maximum(r, 1 - clipLow), 1 + clipHigh)));
  const outside = less(plain, clipped);
  const single = where(outside, clipped, plain);
  const ceiling = mul(A, -DUAL_CLIP);
  const above = logicalAnd(less(A, 0), less(ceiling, single));
  const stopped = maximum(cast(outside, A.dtype), cast(above, A.dtype));
  return {
    loss: where(above, ceiling, single),
    logProb: stopGradient(logProb),
    ratio: stopGradient(r),
    clipped: stopGradient(stopped),
  };
};
