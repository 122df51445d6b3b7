/** How much every token of a batch counts, in every loss that an objective has: all that is known before the gradients. */
import type { Aggregation, Distill, Mixture, Objective, PolicyGradient } from "@resd/core";
import { coefficients } from "./aggregate.ts";
import { entropyWeights } from "./entropy_weights.ts";
import { ObjectiveError } from "./error.ts";
import { rlsdAdvantages, rlsdMix } from "./rlsd.ts";
import { rolloutCorrection } from "./rollout_correction.ts";
import { filterTokens } from "./token_filter.ts";
import type { TokenReadings } from "./token_readings.ts";

/** What an objective looks at of a sample. */
export interface PlannedSample {
  /** Per suffix token: 1 = train on it. */
  readonly mask: Uint8Array;
  /** Multiplies what the teacher teaches, and the losses of objectives with one part. */
  readonly weight: number;
  readonly advantage?: number;
  /** Whether there is a teacher's sequence. */
  readonly taught: boolean;
  /** Per suffix token: log-prob at sampling time. */
  readonly behaviour: ArrayLike<number>;
}

/** How a sample is trained on. */
export interface SamplePlan {
  /** What its losses are: of a mixture the whole, or the part that has something to say about this sample. */
  readonly objective: Objective;
  /** Tokens that are trained on. */
  readonly mask: Uint8Array;
  /** c, per suffix token: the batch's loss is Σ c·ℓ. */
  readonly coefficients: Float64Array;
  /** The same for the reward's part of a mixture. */
  readonly rewardCoefficients?: Float64Array;
  /** A, per suffix token, where there is a reward. */
  readonly advantages?: ArrayLike<number>;
}

/** Facts about the run that losses depend on. */
export interface LossContext {
  /** Updates made before this one. */
  readonly update: number;
  /** T_max, for `seq-mean-token-sum-norm`. */
  readonly horizon?: number;
}

type Readings = ReadonlyArray<TokenReadings | undefined>;

/** One loss of an objective: what it trains of every sample, nothing where it has nothing to say. */
interface Part {
  readonly masks: ReadonlyArray<Uint8Array>;
  /** Per sample and token; absent: 1. */
  readonly tokenWeights: ReadonlyArray<Float64Array | undefined>;
}

const readingOf = (readings: Readings, i: number): TokenReadings => {
  const found = readings[i];
  if (found !== undefined) return found;
  throw new ObjectiveError({
    message: `Expected readings of every trained sample, got none of sample ${i}; this objective weighs tokens by what the models say of them`,
  });
};

const product = (
  a: Float64Array | undefined,
  b: Float64Array | undefined,
): Float64Array | undefined =>
  a === undefined || b === undefined ? (a ?? b) : a.map((x, t) => x * (b[t] as number));

/** Masks and weights of the samples that `takes`; `weigh` is asked where something is left to train on. */
const partOf = (
  samples: ReadonlyArray<PlannedSample>,
  takes: (sample: PlannedSample) => boolean,
  maskOf: (sample: PlannedSample, i: number) => Uint8Array,
  weigh: (sample: PlannedSample, mask: Uint8Array, i: number) => Float64Array | undefined,
): Part => {
  const masks = samples.map((sample, i) =>
    takes(sample) && sample.mask.includes(1)
      ? maskOf(sample, i)
      : new Uint8Array(sample.mask.length),
  );
  const tokenWeights = samples.map((sample, i) => {
    const mask = masks[i] as Uint8Array;
    return mask.includes(1) ? weigh(sample, mask, i) : undefined;
  });
  return { masks, tokenWeights };
};

/** What importance over whole sequences multiplies a sample's tokens with. */
const sequenceWeights = (
  { importance }: Distill | PolicyGradient,
  { behaviour }: PlannedSample,
  mask: Uint8Array,
  read: () => TokenReadings,
): Float64Array | undefined =>
  importance?.over === "sequence"
    ? rolloutCorrection(read().logProb, behaviour, mask, {
        mode: "sequence",
        clip: importance.clip,
      })
    : undefined;

const taught = ({ taught: isTaught }: PlannedSample): boolean => isTaught;
const rewarded = ({ advantage }: PlannedSample): boolean => advantage !== undefined;

const distillPart = (
  distill: Distill,
  samples: ReadonlyArray<PlannedSample>,
  readings: Readings,
): Part =>
  partOf(
    samples,
    taught,
    ({ mask }, i) => {
      if (distill.tokenFilter === undefined) return mask;
      const { studentEntropy: student, teacherEntropy: teacher } = readingOf(readings, i);
      return filterTokens(distill.tokenFilter, mask, { student, teacher });
    },
    (sample, mask, i) => {
      const read = () => readingOf(readings, i);
      const bySequence = sequenceWeights(distill, sample, mask, read);
      return distill.entropyWeight === undefined
        ? bySequence
        : product(
            entropyWeights(distill.entropyWeight, read().fullTeacherEntropy, mask),
            bySequence,
          );
    },
  );

const rewardPart = (
  reward: PolicyGradient,
  samples: ReadonlyArray<PlannedSample>,
  takes: (sample: PlannedSample) => boolean,
  readings: Readings,
): Part =>
  partOf(
    samples,
    takes,
    ({ mask }) => mask,
    (sample, mask, i) => sequenceWeights(reward, sample, mask, () => readingOf(readings, i)),
  );

/** A per token: RLSD's teacher has a word in it, where there is one. */
const advantagesOf = (
  { shaping }: PolicyGradient,
  { advantage = 0, mask, taught: isTaught }: PlannedSample,
  { update }: LossContext,
  read: () => TokenReadings,
): ArrayLike<number> => {
  if (shaping === "grpo" || !isTaught) return new Float64Array(mask.length).fill(advantage);
  const { logProb, teacherLogProb } = read();
  return rlsdAdvantages(advantage, logProb, teacherLogProb, { mix: rlsdMix(update) });
};

/** Coefficients of the tokens of one sum over the whole batch. */
const spread = (
  { masks, tokenWeights }: Part,
  aggregation: Aggregation,
  weights: ReadonlyArray<number>,
  { horizon }: LossContext,
  positionRamp?: number,
): ReadonlyArray<Float64Array> =>
  coefficients({
    aggregation,
    masks,
    weights,
    ...(tokenWeights.every((one) => one === undefined)
      ? {}
      : {
          tokenWeights: tokenWeights.map(
            (one, i) => one ?? new Float64Array((masks[i] as Uint8Array).length).fill(1),
          ),
        }),
    ...(positionRamp === undefined ? {} : { positionBeta: positionRamp }),
    ...(horizon === undefined ? {} : { horizon }),
  });

/** The plans of an objective with one loss. */
const planOne = (
  objective: Exclude<Objective, Mixture>,
  samples: ReadonlyArray<PlannedSample>,
  context: LossContext,
  readings: Readings,
): ReadonlyArray<SamplePlan> => {
  const part =
    objective._tag === "Distill"
      ? distillPart(objective, samples, readings)
      : objective._tag === "PolicyGradient"
        ? rewardPart(objective, samples, rewarded, readings)
        : partOf(
            samples,
            () => true,
            ({ mask }) => mask,
            () => undefined,
          );
  const weights = samples.map(({ weight }) => weight);
  const ramp = objective._tag === "Distill" ? objective.positionRamp : undefined;
  const c = spread(part, objective.aggregation, weights, context, ramp);
  return samples.map((sample, i): SamplePlan => {
    const mask = part.masks[i] as Uint8Array;
    return {
      objective,
      mask,
      coefficients: c[i] as Float64Array,
      ...(objective._tag === "PolicyGradient" && mask.includes(1)
        ? {
            advantages: advantagesOf(objective, sample, context, () => readingOf(readings, i)),
          }
        : {}),
    };
  });
};

const union = (a: Uint8Array, b: Uint8Array): Uint8Array =>
  a.map((m, t) => Math.max(m, b[t] as number));

const planMixture = (
  objective: Mixture,
  samples: ReadonlyArray<PlannedSample>,
  context: LossContext,
  readings: Readings,
): ReadonlyArray<SamplePlan> => {
  const { distill, reward, route } = objective;
  const byOutcome = route._tag === "outcome";
  const D = distillPart(distill, samples, readings);
  const takes = byOutcome
    ? (sample: PlannedSample) => rewarded(sample) && !taught(sample)
    : rewarded;
  const R = rewardPart(reward, samples, takes, readings);
  const weights = samples.map(({ weight }) => weight);
  const ones = samples.map(() => 1);
  const either = samples.map((_, i) => union(D.masks[i] as Uint8Array, R.masks[i] as Uint8Array));
  const scale = (rows: ReadonlyArray<Float64Array>, by: number) =>
    rows.map((row) => row.map((c) => c * by));
  let cD: ReadonlyArray<Float64Array>;
  let cR: ReadonlyArray<Float64Array>;
  if (route._tag === "share") {
    cD = scale(
      spread(D, distill.aggregation, weights, context, distill.positionRamp),
      route.lambda,
    );
    cR = scale(spread(R, reward.aggregation, ones, context), 1 - route.lambda);
  } else {
    // Every token is in one part at most, so one sum over both has one denominator.
    const both = {
      masks: either,
      tokenWeights: samples.map((_, i) => D.tokenWeights[i] ?? R.tokenWeights[i]),
    };
    const own = samples.map((sample) => (taught(sample) ? sample.weight : 1));
    cD = cR = spread(both, distill.aggregation, own, context);
  }
  return samples.map((sample, i): SamplePlan => {
    const follows = (D.masks[i] as Uint8Array).includes(1);
    const gains = (R.masks[i] as Uint8Array).includes(1);
    const [d, r] = [cD[i] as Float64Array, cR[i] as Float64Array];
    const advantages = gains
      ? { advantages: advantagesOf(reward, sample, context, () => readingOf(readings, i)) }
      : {};
    const mask = either[i] as Uint8Array;
    return follows && gains
      ? { objective, mask, coefficients: d, rewardCoefficients: r, ...advantages }
      : gains
        ? { objective: reward, mask, coefficients: r, ...advantages }
        : { objective: distill, mask, coefficients: d };
  });
};

/**
 * Plans the losses of a batch. Masks, filters, weights, aggregation and the denominators of the *whole* batch become one
 * coefficient per token and loss, so a batch cut into micro-batches of any size gives the same gradient.
 *
 * @param readings per sample, where `needsReadings(objective)`; of samples without anything to train on none.
 * @throws {ObjectiveError} for lengths that disagree, readings that are missing, or a missing horizon.
 */
export const planLosses = (
  objective: Objective,
  samples: ReadonlyArray<PlannedSample>,
  context: LossContext,
  readings: Readings = [],
): ReadonlyArray<SamplePlan> =>
  objective._tag === "Mixture"
    ? planMixture(objective, samples, context, readings)
    : planOne(objective, samples, context, readings);
