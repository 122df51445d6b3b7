/** Laws of sampling: seeded, raw log-probs, one answer a request. */
import type { Generation, PolicyShape } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import { farthest, type PolicyBench, RAW, reasonOf, requestsFor } from "./bench.ts";

/** How many times the prompts are asked where a law needs draws that differ. */
const MANY = 6;

const sameAnswers = (a: ReadonlyArray<Generation>, b: ReadonlyArray<Generation>): boolean =>
  a.length === b.length &&
  a.every(({ ids, logProbs, stop }, i) => {
    const other = b[i] as Generation;
    return (
      stop === other.stop &&
      ids.join() === other.ids.join() &&
      logProbs.every((x, t) => Object.is(x, other.logProbs[t]))
    );
  });

const answersLaw = Effect.fnUntraced(function* (
  policy: PolicyShape,
  { settings }: PolicyBench<never, never>,
) {
  const sampling = { ...RAW, maxTokens: settings.maxTokens };
  const requests = yield* requestsFor(policy, settings.prompts, sampling);
  const version = yield* policy.version("student");
  const answers = yield* policy.generate(requests);
  yield* demand(
    answers.length === requests.length,
    `${requests.length} answers`,
    `${answers.length}`,
    "one for each request, in their order",
  );
  for (const [i, { ids, logProbs, stop, policyVersion }] of answers.entries()) {
    const hint = `at request ${i}`;
    yield* demand(
      ids.length >= 1 && ids.length <= settings.maxTokens && logProbs.length === ids.length,
      `1 to ${settings.maxTokens} ids with a log-prob each`,
      { ids: ids.length, logProbs: logProbs.length },
      hint,
    );
    yield* demand(
      logProbs.every((x) => Number.isFinite(x) && x <= 1e-6),
      "finite log-probs of at most 0",
      logProbs,
      hint,
    );
    yield* demand(
      (stop === "max_tokens") === (ids.length === settings.maxTokens) ||
        (stop === "eos" && ids.length === settings.maxTokens),
      "max_tokens only when the limit was reached",
      { stop, ids: ids.length },
      hint,
    );
    yield* demand(
      policyVersion === version,
      version,
      policyVersion,
      `${hint}: the version that sampled`,
    );
  }
  yield* demand((yield* policy.generate([])).length === 0, "no answers", "some", "for no requests");
});

export const generateLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  const raw = { ...RAW, maxTokens: settings.maxTokens };
  return [
    law(
      "policy.generate.answers",
      "every request is answered, in order, within its limit, with log-probs and the version that sampled",
      bench.fresh((policy) => answersLaw(policy, bench as PolicyBench<never, never>)),
    ),
    law(
      "policy.generate.seeded",
      "the same requests get the same answers, if the policy says that it is deterministic",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          if (!policy.capabilities.deterministic) return;
          const requests = yield* requestsFor(policy, settings.prompts, raw);
          const first = yield* policy.generate(requests);
          const second = yield* policy.generate(requests);
          yield* demand(
            sameAnswers(first, second),
            "the same ids and log-probs",
            second.map(({ ids }) => Array.from(ids)),
            "draw from the request's seed alone",
          );
        }),
      ),
    ),
    law(
      "policy.generate.seeds-differ",
      "other seeds give other answers",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const answers = new Set<string>();
          for (let seed = 0; seed < MANY; seed++) {
            const requests = yield* requestsFor(policy, settings.prompts, raw, seed);
            for (const { ids } of yield* policy.generate(requests)) answers.add(ids.join());
          }
          yield* demand(
            answers.size > settings.prompts.length,
            `more than ${settings.prompts.length} different answers`,
            `${answers.size}`,
            "the seed is ignored, or the model is certain of everything",
          );
        }),
      ),
    ),
    law(
      "policy.generate.greedy",
      "at temperature 0 the seed does not matter",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const greedy = { ...raw, temperature: 0 };
          const a = yield* policy.generate(yield* requestsFor(policy, settings.prompts, greedy, 1));
          const b = yield* policy.generate(yield* requestsFor(policy, settings.prompts, greedy, 2));
          yield* demand(
            a.every(({ ids }, i) => ids.join() === b[i]?.ids.join()),
            "the same ids",
            b.map(({ ids }) => Array.from(ids)),
            "temperature 0 is argmax, ties to the lower id",
          );
        }),
      ),
    ),
    law(
      "policy.generate.independent",
      "an answer does not depend on the requests beside it",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const requests = yield* requestsFor(policy, settings.prompts, raw);
          const together = yield* policy.generate(requests);
          const alone = (yield* Effect.forEach(requests, (request) =>
            policy.generate([request]),
          )).flat();
          yield* demand(
            sameAnswers(together, alone),
            "the answers of asking one at a time",
            together.map(({ ids }) => Array.from(ids)),
            "padding or neighbours reach a row",
          );
        }),
      ),
      { required: settings.independent ?? false },
    ),
    law(
      "policy.generate.log-probs",
      "log-probs are those of the raw policy, whatever the sampling, and equal those of score",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          if (!policy.capabilities.rawLogProbs) return;
          for (const sampling of [raw, { ...raw, temperature: 0.6, topP: 0.7 }]) {
            const requests = yield* requestsFor(policy, settings.prompts, sampling);
            const answers = yield* policy.generate(requests);
            const items = requests.map(({ prompt }, i) => ({
              ids: Int32Array.of(...prompt, ...(answers[i]?.ids ?? [])),
              from: prompt.length,
              as: "student" as const,
            }));
            const scores = yield* policy.score(items);
            const distance = farthest(
              answers.flatMap(({ logProbs }) => Array.from(logProbs)),
              scores.flatMap(({ logProbs }) => Array.from(logProbs)),
            );
            yield* demand(
              distance <= settings.tolerance,
              `a difference of at most ${settings.tolerance}`,
              `${distance}`,
              `at temperature ${sampling.temperature}, top-p ${sampling.topP}: importance ratios would be wrong`,
            );
          }
        }),
      ),
    ),
    law(
      "policy.generate.overflow",
      "a prompt that fills the context is refused, not cut",
      bench.fresh(
        Effect.fnUntraced(function* (policy) {
          const [request] = yield* requestsFor(policy, settings.prompts, raw);
          if (request === undefined) return;
          const prompt = new Int32Array(policy.info.maxContext + 1).fill(
            request.prompt[0] as number,
          );
          const reason = yield* reasonOf(policy.generate([{ ...request, prompt }]));
          yield* demand(
            reason === "context-overflow",
            'a PolicyError with reason "context-overflow"',
            reason,
            "cutting would drop the task silently",
          );
        }),
      ),
    ),
  ];
};
