/** A linear weight along a sequence's trained tokens (off in the paper). */

/**
 * Mask × (1 + β(t/L − ½)), floored at 0, with t = 1 … L counting the tokens whose mask is above 0. Masked tokens stay 0.
 *
 * @param mask per token of one sequence.
 * @param beta slope β: 0 leaves the mask as it is, 1 runs from about ½ to 1½.
 */
export const positionRamp = (mask: ArrayLike<number>, beta: number): Float64Array => {
  const weights = Float64Array.from(mask);
  const L = weights.reduce((sum, m) => sum + (m > 0 ? 1 : 0), 0);
  let t = 0;
  for (let i = 0; i < weights.length; i++) {
    const m = weights[i] as number;
    if (m > 0) weights[i] = m * Math.max(0, 1 + beta * (++t / L - 0.5));
  }
  return weights;
};
