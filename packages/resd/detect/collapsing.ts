/** Signs in the last updates that the policy is getting worse, against the first ones. Success that rose excuses most. */
import type { Finding } from "./finding.ts";
import {
  type RunHistory,
  type Stretch,
  WINDOW,
  atFirst,
  hasRisen,
  isSolving,
  lately,
} from "./history.ts";

/** How often a metric is as large as at first; NaN where it is not known. */
interface Change {
  readonly value: number;
  readonly former: number;
  readonly ratio: number;
}

/** A detector of one changed metric, in a run whose success has not risen. */
const whenChanged =
  (key: string, find: (change: Change, now: Stretch, then: Stretch) => Finding | undefined) =>
  (history: RunHistory): Finding | undefined => {
    const [now, then] = [lately(history), atFirst(history)];
    if (now === undefined || then === undefined || isSolving(now) || hasRisen(history)) {
      return undefined;
    }
    const [value, former] = [now.mean(key), then.mean(key)];
    return find({ value, former, ratio: value / former }, now, then);
  };

const since = `in the last ${WINDOW} updates, against the first ${WINDOW}`;

/** The student has become sure of answers that are not right. */
export const entropyCollapses = whenChanged("entropy/student", ({ value, former, ratio }) =>
  ratio < 0.25
    ? {
        cause: "entropy-collapse",
        message: `The student's entropy is ${value.toPrecision(2)} nats a token ${since}: ${former.toPrecision(2)}, and success has not risen: it has become sure of wrong answers; lower lr, or take alpha below 1`,
      }
    : undefined,
);

/** Answers grow, and get no better. */
export const lengthExplodes = whenChanged(
  "tokens/perAttempt",
  ({ value, former, ratio }, last, first) => {
    const cut = last.mean("train/truncated");
    const moreCut = cut - first.mean("train/truncated") >= 0.2 && cut >= 0.3;
    return ratio >= 2 || moreCut
      ? {
          cause: "length-explosion",
          message: `Answers have ${value.toFixed(0)} tokens ${since}: ${former.toFixed(0)}; ${(100 * cut).toFixed(0)} % end at the limit, and success has not risen. Lower lr; a teacher whose prompt holds long texts teaches to write long ones`,
        }
      : undefined;
  },
);

/** Answers shrink, and get no better. */
export const lengthCollapses = whenChanged("tokens/perAttempt", ({ value, former, ratio }) =>
  ratio <= 0.4
    ? {
        cause: "length-collapse",
        message: `Answers have ${value.toFixed(1)} tokens ${since}: ${former.toFixed(1)}, and success has not risen: the policy stops before it has answered. Lower lr, and look whether the reward or the teacher prefers an early end`,
      }
    : undefined,
);

/** Student and teacher drift apart instead of together. */
export const divergenceBlowsUp = whenChanged("divergence", ({ value, former, ratio }) =>
  ratio >= 5 && value >= 0.5
    ? {
        cause: "divergence-blow-up",
        message: `Student and teacher differ by ${value.toPrecision(2)} nats a token ${since}: ${former.toPrecision(2)}, and success has not risen. Lower lr, bound the ratio (ratioMin, ratioMax), or let the teacher follow (an average with a higher rate)`,
      }
    : undefined,
);

/** Small gradients may grow tenfold when learning begins. */
const LARGE_GRADIENT = 5;

/** Gradients explode. */
export const gradientBlowsUp = whenChanged("gradNorm", ({ value, former, ratio }) =>
  ratio >= 10 && value >= LARGE_GRADIENT
    ? {
        cause: "gradient-blow-up",
        message: `The gradient's norm is ${value.toPrecision(2)} ${since}: ${former.toPrecision(2)}, and success has not risen. Lower lr, or set clipNorm`,
      }
    : undefined,
);

/** Log-probs at training are not those at sampling: other weights, another precision, or another distribution. */
export const samplerDiffers = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || !last.every("logProbGap", (gap) => gap > 0.1)) return undefined;
  return {
    cause: "sampler-differs",
    message: `Log-probs at training and at sampling differ by ${last.mean("logProbGap").toPrecision(2)} nats a token in the last ${WINDOW} updates: the sampler has other weights than the trainer, or another precision; what is trained on was not said by this policy`,
  };
};
