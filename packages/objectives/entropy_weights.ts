/** SRPO's weights: tokens of which the teacher is sure count more (arXiv 2604.02288). */

/**
 * w_t = exp(−β·H_T(t)), scaled to sum to the number of trained tokens; 0 where the mask is 0. All detached, so they go
 * into `coefficients` as token weights. β = 0 gives 1 everywhere.
 *
 * @param teacherEntropy H_T in nats over the whole vocabulary, per token of one sequence.
 */
export const entropyWeights = (
  beta: number,
  teacherEntropy: ArrayLike<number>,
  mask: ArrayLike<number>,
): Float64Array => {
  const trained = Float64Array.from(mask, (m) => (m > 0 ? 1 : 0));
  const count = trained.reduce((sum, one) => sum + one, 0);
  const entropies = Array.from(teacherEntropy).filter((_, t) => trained[t] === 1);
  // The least entropy is taken out, so that nothing underflows before the weights are scaled.
  const least = Math.min(...entropies);
  const raw = trained.map((one, t) =>
    one === 0 ? 0 : Math.exp(-beta * ((teacherEntropy[t] as number) - least)),
  );
  const sum = raw.reduce((all, weight) => all + weight, 0);
  return sum === 0 ? raw : raw.map((weight) => (weight * count) / sum);
};
