/**
 * Probes: questions that have nothing to do with the tasks of a run, asked before and after it, so that what a policy
 * forgets is seen. One a line in a JSON Lines file; models of any kind can bring theirs.
 */
import { Schema } from "effect";
import { Message } from "./episode.ts";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Text = Schema.NonEmptyString;

/** A prompt in the model's own tokens, for formats with control tokens of their own. */
const Segments = Schema.NonEmptyArray(
  Schema.Union([Schema.Struct({ text: Schema.String }), Schema.Struct({ control: Text })]),
);

/** What all probes have. */
const shared = {
  /** Names the probe; its line number unless given. */
  id: Schema.optionalKey(Text),
  /** Probes of one ability are counted together; `probes` unless given. */
  ability: Schema.optionalKey(Text),
};

/** A question whose reply is right or wrong. */
export const Question = Schema.Struct({
  ...shared,
  /** What a person says (a text, shown as a task is), a conversation, or the whole prompt in the model's own tokens. */
  prompt: Schema.Union([Text, Schema.NonEmptyArray(Message), Segments]),
  /** The right reply, or all right ones. White space counts as one space; thinking does not count. */
  answer: Schema.Union([Text, Schema.NonEmptyArray(Text)]),
  /** Whether the reply has to be an answer (unless given), or to have one in it. */
  match: Schema.optionalKey(Schema.Literals(["whole", "part"])),
  /** Longest reply in tokens; unless given what the prompt format usually takes. */
  maxTokens: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  /** 0, the most likely reply, unless given: models that think aloud may need another. */
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
});
export type Question = typeof Question.Type;

/** A text that is scored by its likelihood. */
export const Passage = Schema.Struct({
  ...shared,
  /** What stands before it and is not scored; without it the first token is not. */
  prompt: Schema.optionalKey(Schema.Union([Text, Schema.NonEmptyArray(Message), Segments])),
  /** The scored text: plain, or in the model's own tokens. */
  continuation: Schema.Union([Text, Segments]),
});
export type Passage = typeof Passage.Type;

/** One line of a file of probes. */
export const Probe = Schema.Union([Question, Passage]);
export type Probe = typeof Probe.Type;

/** What became of one probe; a line of the run's files. */
export const ProbeResult = Schema.Union([
  Schema.Struct({
    id: Schema.String,
    ability: Schema.String,
    correct: Schema.Boolean,
    /** Without thinking. */
    reply: Schema.String,
    /** Tokens sampled. */
    tokens: Count,
  }),
  Schema.Struct({
    id: Schema.String,
    ability: Schema.String,
    /** Sum over the scored tokens, in nats. */
    logProb: Schema.Finite,
    /** Tokens scored. */
    tokens: Count,
  }),
  Schema.Struct({
    id: Schema.String,
    ability: Schema.String,
    /** Why it was not asked. */
    skipped: Schema.String,
  }),
]);
export type ProbeResult = typeof ProbeResult.Type;

/** How good a policy is at one thing, with its 95 % interval; no interval where there are too few probes for one. */
export const AbilityScore = Schema.Struct({
  /** `accuracy`: share of right replies. `perplexity`: exp of the mean negative log-likelihood per token; smaller is better. */
  measure: Schema.Literals(["accuracy", "perplexity"]),
  value: Schema.Finite,
  low: Schema.optionalKey(Schema.Finite),
  high: Schema.optionalKey(Schema.Finite),
  probes: Count,
});
export type AbilityScore = typeof AbilityScore.Type;
