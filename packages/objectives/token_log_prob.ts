/** The log-probability of the token that was sampled: what policy gradients and cross-entropy are made of. */
import {
  customVjp,
  gatherLast,
  mul,
  reshape,
  scatterAddLast,
  sub,
  type Tensor,
} from "@resd/tensor";
import { type Distribution, distribution } from "./distribution.ts";

const column = (x: Tensor): Tensor => reshape(x, [x.shape[0] ?? 0, 1]);

/** log p(y) [N] read from a distribution. */
export const readLogProb = ({ logits, logNormalizer }: Distribution, tokens: Tensor): Tensor =>
  reshape(sub(gatherLast(logits, column(tokens)), logNormalizer), tokens.shape);

/**
 * log p(y) [N] of tokens y i32 [N] under logits [N,V], with the gradient in closed form: ∂/∂z_v = 1[v=y] − p_v.
 *
 * @param given the distribution of `logits`, when the caller has it already.
 */
export const tokenLogProb = (
  logits: Tensor,
  tokens: Tensor,
  given: Distribution = distribution(logits),
): Tensor =>
  customVjp(
    [logits],
    () => readLogProb(given, tokens),
    (grad) => {
      const g = column(grad);
      return [sub(scatterAddLast(g, column(tokens), logits.shape[1] ?? 0), mul(given.p, g))];
    },
  );
