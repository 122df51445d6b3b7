/** What probes say of a policy, ability by ability, and what became of it in a run. */
import { AbilityScore, type ProbeResult } from "@resd/core";
import { Schema } from "effect";
import { differenceEstimate, meanOf, shareEstimate } from "./interval.ts";

type Asked = Exclude<ProbeResult, { readonly skipped: string }>;
type Reply = Extract<Asked, { readonly correct: boolean }>;
type Scored = Extract<Asked, { readonly logProb: number }>;

const isReply = (result: ProbeResult): result is Reply => "correct" in result;
const isScored = (result: ProbeResult): result is Scored =>
  "logProb" in result && result.tokens > 0;

/** An estimate that is nowhere infinite. */
const finite = (low: number, high: number) =>
  Number.isFinite(low) && Number.isFinite(high) ? { low, high } : {};

/**
 * A ratio of sums, Σ of / Σ by, with its interval: the ratio estimator of survey sampling. What each passage is off the
 * common ratio is a value of its own, so long passages weigh more and tokens of one are not taken for independent.
 */
const ratioEstimate = (pairs: ReadonlyArray<{ readonly of: number; readonly by: number }>) => {
  const per = meanOf(pairs.map(({ by }) => by));
  const value = meanOf(pairs.map(({ of }) => of)) / per;
  return differenceEstimate(pairs.map(({ of, by }) => value + (of - value * by) / per));
};

/** Scores by ability, in the order of their first probe. Skipped probes do not count; an ability needs one that was asked. */
export const abilityScores = (
  results: ReadonlyArray<ProbeResult>,
): Readonly<Record<string, AbilityScore>> => {
  const scores: Record<string, AbilityScore> = {};
  for (const [ability, all] of Map.groupBy(results, (result) => result.ability)) {
    const replies = all.filter(isReply);
    const passages = all.filter(isScored);
    if (replies.length > 0) {
      const values = replies.map(({ correct }) => Number(correct));
      const { value, low, high } = shareEstimate(values, values.length);
      scores[ability] = { measure: "accuracy", value, low, high, probes: replies.length };
    }
    if (passages.length > 0) {
      const { value, low, high } = ratioEstimate(
        passages.map(({ logProb, tokens }) => ({ of: -logProb, by: tokens })),
      );
      const name = replies.length > 0 ? `${ability} (perplexity)` : ability;
      scores[name] = {
        measure: "perplexity",
        value: Math.exp(value),
        ...finite(Math.exp(low), Math.exp(high)),
        probes: passages.length,
      };
    }
  }
  return scores;
};

/** How an ability changed, probe by probe. */
export const AbilityChange = Schema.Struct({
  measure: AbilityScore.fields.measure,
  before: Schema.Finite,
  after: Schema.Finite,
  /** After minus before of an accuracy; of a perplexity the logarithm of the ratio, in nats per token. */
  change: Schema.Finite,
  low: Schema.optionalKey(Schema.Finite),
  high: Schema.optionalKey(Schema.Finite),
  /** Probes in both. */
  probes: Schema.Int,
  /** Replies that were right and no longer are, and the other way round. */
  lost: Schema.optionalKey(Schema.Int),
  gained: Schema.optionalKey(Schema.Int),
  /** `worse` and `better`: the interval lies on that side of no change. */
  verdict: Schema.Literals(["worse", "unclear", "better"]),
});
export type AbilityChange = typeof AbilityChange.Type;

/** The two-sided 95 % point of the normal distribution. */
const Z = 1.959963984540054;

/**
 * The difference of two shares of the same probes, from the replies that changed (Agresti and Min 2005: half a reply more on
 * either side, two more probes). It has a width where no reply changed.
 */
const sharesChange = (lost: number, gained: number, probes: number) => {
  const [b, c, n] = [lost + 0.5, gained + 0.5, probes + 2];
  const centre = (c - b) / n;
  const spread = (Z * Math.sqrt(b + c - (c - b) ** 2 / n)) / n;
  return { low: centre - spread, high: centre + spread };
};

const verdictOf = (bad: boolean, good: boolean): AbilityChange["verdict"] =>
  bad ? "worse" : good ? "better" : "unclear";

const repliesChange = (pairs: ReadonlyArray<readonly [Reply, Reply]>): AbilityChange => {
  const lost = pairs.filter(([was, is]) => was.correct && !is.correct).length;
  const gained = pairs.filter(([was, is]) => !was.correct && is.correct).length;
  const { low, high } = sharesChange(lost, gained, pairs.length);
  return {
    measure: "accuracy",
    before: meanOf(pairs.map(([was]) => Number(was.correct))),
    after: meanOf(pairs.map(([, is]) => Number(is.correct))),
    change: (gained - lost) / pairs.length,
    low,
    high,
    probes: pairs.length,
    lost,
    gained,
    verdict: verdictOf(high < 0, low > 0),
  };
};

const passagesChange = (pairs: ReadonlyArray<readonly [Scored, Scored]>): AbilityChange => {
  const perplexity = (at: 0 | 1) =>
    Math.exp(
      -pairs.reduce((sum, pair) => sum + pair[at].logProb, 0) /
        pairs.reduce((sum, pair) => sum + pair[at].tokens, 0),
    );
  const { value, low, high } = ratioEstimate(
    pairs.map(([was, is]) => ({ of: was.logProb - is.logProb, by: is.tokens })),
  );
  return {
    measure: "perplexity",
    before: perplexity(0),
    after: perplexity(1),
    change: value,
    ...finite(low, high),
    probes: pairs.length,
    verdict: verdictOf(low > 0, high < 0),
  };
};

/** How abilities changed from one asking to another, over the probes that were asked both times. */
export const abilityChanges = (
  before: ReadonlyArray<ProbeResult>,
  after: ReadonlyArray<ProbeResult>,
): Readonly<Record<string, AbilityChange>> => {
  const earlier = new Map(before.map((result) => [`${result.ability}/${result.id}`, result]));
  const changes: Record<string, AbilityChange> = {};
  for (const [ability, all] of Map.groupBy(after, (result) => result.ability)) {
    const pairs = all.flatMap((is) => {
      const was = earlier.get(`${ability}/${is.id}`);
      return was === undefined ? [] : [[was, is] as const];
    });
    const replies = pairs.flatMap(([was, is]) =>
      isReply(was) && isReply(is) ? [[was, is] as const] : [],
    );
    const passages = pairs.flatMap(([was, is]) =>
      isScored(was) && isScored(is) ? [[was, is] as const] : [],
    );
    if (replies.length > 0) changes[ability] = repliesChange(replies);
    if (passages.length > 0) {
      changes[replies.length > 0 ? `${ability} (perplexity)` : ability] = passagesChange(passages);
    }
  }
  return changes;
};
