/** Asks a policy its probes: greedy replies compared with the right ones, and log-likelihoods of given texts. */
import {
  Format,
  type Ids,
  type Message,
  type ModelUse,
  type Passage,
  Policy,
  type PolicyError,
  type Probe,
  type ProbeResult,
  type Prompt,
  type Question,
  type Role,
  hashSeed,
} from "@resd/core";
import { Effect } from "effect";
import { splitThinking } from "./format/thinking.ts";
import { joinIds } from "./ids.ts";

/** Replies in a fixed grammar are short; prose may think before it answers. */
const USUAL_REPLY = { prose: 4096, grammar: 64 } as const;

/** What a policy answered, probe by probe in their order, and what it cost. */
export interface Probed {
  readonly results: ReadonlyArray<ProbeResult>;
  readonly use: ModelUse;
}

const spaced = (text: string): string => text.split(/\s+/).filter(Boolean).join(" ");

const isRight = ({ answer, match = "whole" }: Question, reply: string): boolean => {
  const said = spaced(reply);
  return (typeof answer === "string" ? [answer] : answer).some((right) =>
    match === "whole" ? said === spaced(right) : said.includes(spaced(right)),
  );
};

const isConversation = (prompt: ReadonlyArray<object>): prompt is ReadonlyArray<Message> =>
  prompt.every((part) => "role" in part);

const isQuestion = (probe: Probe): probe is Question => "answer" in probe;

const TOO_LONG = "its prompt does not fit the context of the model";

/**
 * Asks all probes. A reply's draws are seeded by its probe alone, so two policies are asked the same. Probes that have no
 * room in the context are skipped, and say so.
 */
export const askProbes = Effect.fn("resd.askProbes")(function* (
  probes: ReadonlyArray<Probe>,
  as: Role = "student",
): Effect.fn.Return<Probed, PolicyError, Policy | Format> {
  const policy = yield* Policy;
  const format = yield* Format;
  const { maxContext } = policy.info;
  const named = probes.map((probe, i) => ({
    probe,
    id: probe.id ?? `line ${i + 1}`,
    ability: probe.ability ?? "probes",
  }));

  const promptOf = ({ prompt }: Question | Passage): Prompt => {
    if (prompt === undefined) return [];
    if (typeof prompt === "string") return format.student([{ role: "user", content: prompt }]);
    return isConversation(prompt) ? format.student(prompt) : prompt;
  };
  const usual = format.freeText ? USUAL_REPLY.prose : USUAL_REPLY.grammar;

  const encoded = yield* Effect.forEach(named, ({ probe }) => policy.encode(promptOf(probe)));
  const asked = named.flatMap(({ probe, id }, i) => {
    const prompt = encoded[i]!;
    const room = maxContext - prompt.length;
    if (!isQuestion(probe) || room < 1) return [];
    const { temperature = 0, maxTokens = usual } = probe;
    const sampling = {
      temperature,
      topP: 1,
      topK: 0,
      maxTokens: Math.min(maxTokens, room),
      stop: [],
    };
    return [{ place: i, request: { id, prompt, seed: hashSeed("probe", id), sampling, as } }];
  });
  const texts = yield* Effect.forEach(named, ({ probe }) =>
    isQuestion(probe)
      ? Effect.succeed(new Int32Array(0) as Ids)
      : policy.encode(
          typeof probe.continuation === "string"
            ? [{ text: probe.continuation }]
            : probe.continuation,
        ),
  );
  const scored = named.flatMap(({ probe }, i) => {
    const [prompt, text] = [encoded[i]!, texts[i]!];
    // The first token of all has nothing before it to be likely after.
    const from = Math.max(1, prompt.length);
    const ids = joinIds(prompt, text);
    if (isQuestion(probe) || ids.length > maxContext || ids.length <= from) return [];
    return [{ place: i, item: { ids, from, as } }];
  });

  const replies =
    asked.length === 0 ? [] : yield* policy.generate(asked.map(({ request }) => request));
  const scores = scored.length === 0 ? [] : yield* policy.score(scored.map(({ item }) => item));

  const results: Array<ProbeResult> = named.map(({ id, ability }) => ({
    id,
    ability,
    skipped: TOO_LONG,
  }));
  let generatedTokens = 0;
  asked.forEach(({ place }, i) => {
    const { id, ability, probe } = named[place]!;
    const { ids } = replies[i]!;
    const reply = splitThinking(policy.decode(ids)).answer;
    const correct = isQuestion(probe) && isRight(probe, reply);
    generatedTokens += ids.length;
    results[place] = { id, ability, correct, reply: spaced(reply), tokens: ids.length };
  });
  scored.forEach(({ place }, i) => {
    const { id, ability } = named[place]!;
    const { logProbs } = scores[i]!;
    const logProb = logProbs.reduce((sum, one) => sum + one, 0);
    results[place] = { id, ability, logProb, tokens: logProbs.length };
  });
  return { results, use: { modelCalls: asked.length, generatedTokens } };
});
