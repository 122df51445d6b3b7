/** Corrects for a sampler whose distribution is not quite the trainer's. */
import { ObjectiveError } from "./error.ts";

/** Settings of `rolloutCorrection`. */
export interface RolloutCorrectionOptions {
  /** `token`: one ratio per token. `sequence`: the product over trained tokens, the same for all of them. */
  readonly mode: "token" | "sequence";
  /** Largest ratio c; the paper uses 2. */
  readonly clip: number;
}

/** Log-ratios are cut here before exp, as in the reference implementation. */
const LARGEST_LOG_RATIO = 20;

const ratio = (logRatio: number, clip: number): number =>
  Math.min(Math.exp(Math.min(Math.max(logRatio, -LARGEST_LOG_RATIO), LARGEST_LOG_RATIO)), clip);

/**
 * w = min(exp(clip(log p_trainer(y) − log p_sampler(y), ±20)), c) per token of one sequence; 0 where the mask is 0.
 * A detached multiplier: goes into `coefficients` as token weights. When trainer and sampler are the same weights in
 * the same engine every trained token gets 1.
 *
 * Gotcha: with top-p < 1 the sampler's true distribution is truncated while recorded log-probs may not be (trap T30);
 * the ratio then corrects the wrong distribution.
 */
export const rolloutCorrection = (
  trainerLogProbs: ArrayLike<number>,
  samplerLogProbs: ArrayLike<number>,
  mask: ArrayLike<number>,
  options: RolloutCorrectionOptions = { mode: "token", clip: 2 },
): Float64Array => {
  if (trainerLogProbs.length !== mask.length || samplerLogProbs.length !== mask.length) {
    throw new ObjectiveError({
      message: `Expected ${mask.length} log-probs of trainer and sampler, one per mask element, got ${trainerLogProbs.length} and ${samplerLogProbs.length}`,
    });
  }
  const logRatios = Float64Array.from(mask, (m, t) =>
    m > 0 ? (trainerLogProbs[t] as number) - (samplerLogProbs[t] as number) : 0,
  );
  if (options.mode === "token") {
    return logRatios.map((logRatio, t) =>
      (mask[t] as number) > 0 ? ratio(logRatio, options.clip) : 0,
    );
  }
  const whole = ratio(
    logRatios.reduce((sum, logRatio) => sum + logRatio, 0),
    options.clip,
  );
  return logRatios.map((_, t) => ((mask[t] as number) > 0 ? whole : 0));
};
