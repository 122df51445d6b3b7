/**
 * Seeded sampling for a library that samples unseeded: logits / T plus Gumbel noise have their maximum at a token drawn
 * from softmax(logits / T), so greedy decoding of noisy logits samples exactly (Gumbel 1954; Maddison and others 2014).
 */
import type { Random } from "@resd/core";

/** How a token is drawn; temperature 0 is greedy. */
export interface Draw {
  readonly temperature: number;
  readonly topP: number;
}

/** The tokens of the smallest set that holds `topP` of the probability, as a mask. */
const nucleus = (scaled: Float64Array, topP: number): Uint8Array => {
  const highest = scaled.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = scaled.map((value) => Math.exp(value - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = Uint32Array.from(weights.keys()).toSorted((a, b) => weights[b]! - weights[a]!);
  const kept = new Uint8Array(scaled.length);
  let sum = 0;
  for (const token of order) {
    kept[token] = 1;
    sum += weights[token]! / total;
    if (sum >= topP) break;
  }
  return kept;
};

/** Replaces logits by noisy ones, in place; their maximum is the token that is drawn. */
export const addGumbel = (
  logits: Float32Array,
  { temperature, topP }: Draw,
  random: Random,
): void => {
  if (temperature === 0) return;
  const scaled = Float64Array.from(logits, (logit) => logit / temperature);
  const kept = topP < 1 ? nucleus(scaled, topP) : undefined;
  for (let token = 0; token < logits.length; token++) {
    // 1 − next() is never 0, so the noise is finite; a draw is used up for every token, whatever is kept.
    const noise = -Math.log(-Math.log(1 - random.next() || Number.MIN_VALUE) || Number.MIN_VALUE);
    logits[token] = kept?.[token] === 0 ? -Infinity : scaled[token]! + noise;
  }
};
