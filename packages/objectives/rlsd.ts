/** RLSD: the teacher decides how much of an advantage each token gets (arXiv 2604.03128). */

/** How far the teacher may shape an advantage. */
export interface RlsdOptions {
  /** λ: share of the teacher's word; see `rlsdMix`. */
  readonly mix: number;
  /** ε_w: how far a token's factor may be from 1. */
  readonly clip?: number;
}

/** λ of an update (counted from 0): ½ falling linearly to 0 over the first 50 updates, then 0. */
export const rlsdMix = (update: number): number => 0.5 * Math.max(0, 1 - update / 50);

/**
 * Â_t = A·((1 − λ) + λ·clip(w_t, 1 − ε_w, 1 + ε_w)) with w_t = exp(sign(A)·(log q(y_t) − log p(y_t))). All detached:
 * the result goes into GRPO's clipped loss. A teacher equal to the student leaves A as it is.
 *
 * @param advantage A of the sample, standardised within its group.
 * @param studentLogProbs log p(y_t) per suffix token.
 * @param teacherLogProbs log q(y_t) per suffix token.
 */
export const rlsdAdvantages = (
  advantage: number,
  studentLogProbs: ArrayLike<number>,
  teacherLogProbs: ArrayLike<number>,
  { mix, clip = 0.2 }: RlsdOptions,
): Float64Array => {
  const sign = Math.sign(advantage);
  return Float64Array.from(studentLogProbs, (logP, t) => {
    const w = Math.exp(sign * ((teacherLogProbs[t] as number) - logP));
    return advantage * (1 - mix + mix * Math.min(Math.max(w, 1 - clip), 1 + clip));
  });
};
