/** A next-token distribution of every row, from logits, in the two forms that losses and gradients need. */
import { log, max, mul, neg, softmax, sub, sum, type Tensor } from "@resd/tensor";

/** N rows over a vocabulary of V. */
export interface Distribution {
  /** z [N,V]. */
  readonly logits: Tensor;
  /** p = softmax(z) [N,V]. */
  readonly p: Tensor;
  /** LSE(z) [N,1]: log p = z − logNormalizer. */
  readonly logNormalizer: Tensor;
}

/**
 * p, and LSE(z) = max z − log max p: one softmax instead of a softmax and a log-softmax over the vocabulary. The greatest
 * probability is at least 1/V, so its logarithm is always exact.
 */
export const distribution = (logits: Tensor): Distribution => {
  const p = softmax(logits);
  return { logits, p, logNormalizer: sub(max(logits, -1, true), log(max(p, -1, true))) };
};

/** H = −Σ p log p over the whole vocabulary, in nats: [N]. */
export const entropy = ({ logits, p, logNormalizer }: Distribution): Tensor =>
  neg(sum(mul(p, sub(logits, logNormalizer)), -1));
