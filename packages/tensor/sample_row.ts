/** How one token is drawn. */
export interface SampleRowSettings {
  /** In [0,1), from the host's seeded generator. */
  readonly uniform: number;
  /** Divides the logits; 0 is argmax. */
  readonly temperature: number;
  /** The smallest set of most probable tokens that holds at least this much probability; 1 is off. */
  readonly topP: number;
  /** Only the k most probable tokens; 0 is off. */
  readonly topK: number;
}

/** How many of the most probable tokens stay: first top-k, then top-p of what top-k left. `ascending` is sorted. */
const keptCount = (ascending: Float64Array, { topK, topP }: SampleRowSettings): number => {
  const size = ascending.length;
  const limit = topK > 0 ? Math.min(topK, size) : size;
  if (topP >= 1) return limit;
  let total = 0;
  for (let rank = 0; rank < limit; rank++) total += ascending[size - 1 - rank]!;
  let before = 0;
  for (let rank = 0; rank < limit; rank++) {
    if (rank > 0 && before >= topP * total) return rank;
    before += ascending[size - 1 - rank]!;
  }
  return limit;
};

/** Sets the weight of every token that top-k and top-p exclude to 0; of equal weights the lower indices stay. */
const filter = (weights: Float64Array, settings: SampleRowSettings): void => {
  const ascending = weights.toSorted();
  const kept = keptCount(ascending, settings);
  const least = ascending[weights.length - kept]!;
  let ties = kept;
  for (const weight of weights) if (weight > least) ties -= 1;
  for (let id = 0; id < weights.length; id++) {
    if (weights[id]! > least) continue;
    if (weights[id] === least && ties > 0) ties -= 1;
    else weights[id] = 0;
  }
};

/** e^((logitᵢ − greatest)/temperature) of every token. */
const weightsOf = (
  logits: ArrayLike<number>,
  greatest: number,
  temperature: number,
): Float64Array => {
  const weights = new Float64Array(logits.length);
  for (let id = 0; id < weights.length; id++) {
    weights[id] = Math.exp((logits[id]! - greatest) / temperature);
  }
  return weights;
};

const sumOf = (weights: ArrayLike<number>): number => {
  let sum = 0;
  for (let id = 0; id < weights.length; id++) sum += weights[id]!;
  return sum;
};

/**
 * Draws one token: the one definition of `sample`, for every backend.
 *
 * With weights wᵢ = e^((logitᵢ − max)/temperature), filtered by top-k and then top-p (ties to the lower index), the token
 * is the first in index order at which the running sum of weights exceeds uniform · Σw: the inverse of the distribution
 * function. Sums are in f64. `logProb` is that of the raw policy: temperature 1, full vocabulary.
 *
 * Gotcha: a row with NaN gives logProb NaN and an id without meaning; check logProb.
 *
 * @param probabilities softmax of the logits, from a caller that has it: it stands for the exponentials of temperature 1
 */
export const sampleRow = (
  logits: ArrayLike<number>,
  settings: SampleRowSettings,
  probabilities?: ArrayLike<number>,
): { readonly id: number; readonly logProb: number } => {
  const { uniform, temperature } = settings;
  const size = logits.length;
  let best = 0;
  for (let id = 1; id < size; id++) if (logits[id]! > logits[best]!) best = id;
  const greatest = logits[best]!;
  const raw = probabilities ?? weightsOf(logits, greatest, 1);
  // The greatest logit's weight is 1, so its probability is one over the sum of weights.
  const logPartition = Math.log(
    probabilities === undefined ? sumOf(raw) : 1 / probabilities[best]!,
  );
  const drawn = (id: number) => ({ id, logProb: logits[id]! - greatest - logPartition });
  if (temperature === 0) return drawn(best);

  let weights = temperature === 1 ? raw : weightsOf(logits, greatest, temperature);
  if ((settings.topK > 0 && settings.topK < size) || settings.topP < 1) {
    const kept = Float64Array.from(weights);
    filter(kept, settings);
    weights = kept;
  }
  const target = uniform * sumOf(weights);
  let sum = 0;
  let last = best;
  for (let id = 0; id < size; id++) {
    if (weights[id]! > 0) {
      sum += weights[id]!;
      last = id;
      if (sum > target) break;
    }
  }
  return drawn(last);
};
