/** Cross-entropy: pretraining and supervised fine-tuning. */
import { neg, type Tensor } from "@resd/tensor";
import { tokenLogProb } from "./token_log_prob.ts";

/** ℓ = −log p(y) [N] for logits [N,V] and tokens y i32 [N]; ∂ℓ/∂z = p − onehot(y). */
export const crossEntropy = ({
  logits,
  tokens,
}: {
  readonly logits: Tensor;
  readonly tokens: Tensor;
}): Tensor => neg(tokenLogProb(logits, tokens));
