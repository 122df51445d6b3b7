/** Success-rate rebalancing: rare outcomes weigh more. */

/** Below this mean all weights are 1, so that a batch never loses its signal to rounding. */
const SMALLEST_MEAN = 1e-8;

/**
 * One weight per sample, batch mean 1. With success rate s = clip(k/N, 1/N, 1 − 1/N): successes get (1 − s)^a, failures
 * s^b, both divided by the batch mean. With a = b = 1 and 0 < k < N all successes together weigh as much as all failures.
 *
 * Gotcha: arXiv 2605.12741 states the weights without the clip; then a batch without a single success would weigh
 * nothing (trap T24). N counts every sample of the batch, distilled or not.
 *
 * @param successes per sample of the whole batch: whether its reward reached the success threshold.
 */
export const successRateWeights = (
  successes: ReadonlyArray<boolean>,
  exponents: { readonly success: number; readonly failure: number } = { success: 1, failure: 1 },
): Float64Array => {
  const N = successes.length;
  const k = successes.reduce((sum, success) => sum + (success ? 1 : 0), 0);
  const s = Math.min(Math.max(k / N, 1 / N), 1 - 1 / N);
  const raw = Float64Array.from(successes, (success) =>
    success ? (1 - s) ** exponents.success : s ** exponents.failure,
  );
  const mean = raw.reduce((sum, weight) => sum + weight, 0) / N;
  return mean <= SMALLEST_MEAN ? raw.fill(1) : raw.map((weight) => weight / mean);
};
