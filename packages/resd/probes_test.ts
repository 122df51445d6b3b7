import { Format, Policy, type Probe } from "@resd/core";
import { makeScriptedPolicy } from "@resd/testing";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { compactFormat } from "./format/compact.ts";
import { askProbes } from "./probes.ts";

const ask = (
  probes: ReadonlyArray<Probe>,
  reply: string | ((prompt: string) => string),
  parts: { readonly maxContext?: number } = {},
) => {
  const policy = makeScriptedPolicy({
    replies: ({ prompt }) => (typeof reply === "string" ? reply : reply(prompt)),
    info: { maxContext: parts.maxContext ?? 10_000 },
  });
  return Effect.map(
    askProbes(probes).pipe(
      Effect.provideService(Policy, policy),
      Effect.provideService(Format, compactFormat),
    ),
    (probed) => ({ ...probed, requests: policy.requests() }),
  );
};
const correct = (result: object | undefined) =>
  result !== undefined && "correct" in result && result.correct;

describe("askProbes", () => {
  it.effect("askProbes() takes any right reply, white space aside, as a whole or as a part", () =>
    Effect.gen(function* () {
      const replies = [
        ["whole", "the answer is 4", false],
        ["whole", " 4\n", true],
        ["whole", "four", true],
        ["part", "the answer is 4", true],
        ["part", "the answer is 5", false],
      ] as const;
      for (const [match, reply, right] of replies) {
        const { results } = yield* ask([{ prompt: "2 + 2?", answer: ["4", "four"], match }], reply);
        assert.strictEqual(correct(results[0]), right, `${match}: ${reply}`);
      }
    }),
  );

  it.effect(
    "askProbes() shows a text as a task is shown, a conversation, or tokens as they are",
    () =>
      Effect.gen(function* () {
        const prompts: ReadonlyArray<Probe> = [
          { prompt: "square", answer: "a" },
          { prompt: [{ role: "user", content: "square" }], answer: "a" },
          {
            prompt: [{ control: "<pb>" }, { text: "square is PEF" }, { control: "<cur>" }],
            answer: "a",
          },
        ];
        const { requests, results } = yield* ask(prompts, "a");
        assert.deepEqual(
          requests.map(({ prompt }) => prompt),
          ["<task>square<prog>", "<task>square<prog>", "<pb>square is PEF<cur>"],
        );
        assert.isTrue(results.every(correct));
      }),
  );

  it.effect(
    "askProbes() asks for the most likely reply, with draws that depend on the probe alone",
    () =>
      Effect.gen(function* () {
        const one: Probe = { id: "one", prompt: "a", answer: "b" };
        const two: Probe = { id: "two", prompt: "a", answer: "b", temperature: 0.6, maxTokens: 3 };
        const { requests } = yield* ask([one, two], "b");
        const { requests: turned } = yield* ask([two, one], "b");
        assert.deepEqual(
          requests.map(({ request }) => request.seed),
          turned.map(({ request }) => request.seed).toReversed(),
        );
        assert.deepEqual(
          requests.map(({ request: { sampling } }) => [sampling.temperature, sampling.maxTokens]),
          [
            [0, 64],
            [0.6, 3],
          ],
        );
      }),
  );

  it.effect("askProbes() does not count thinking, and no reply to thinking that never ended", () =>
    Effect.gen(function* () {
      const probe: Probe = { prompt: "2 + 2?", answer: "4" };
      const thought = yield* ask([probe], "<think>perhaps 5</think>\n4");
      assert.deepInclude(thought.results[0], { correct: true, reply: "4" });
      const endless = yield* ask([{ ...probe, match: "part" }], "<think>it is 4");
      assert.deepInclude(endless.results[0], { correct: false, reply: "" });
    }),
  );

  it.effect("askProbes() scores a text by its tokens, what stands before it not among them", () =>
    Effect.gen(function* () {
      const { results } = yield* ask(
        [
          { ability: "text", continuation: "abc" },
          { ability: "text", prompt: [{ text: "ab" }], continuation: [{ text: "c" }] },
        ],
        "",
      );
      // The scripted policy gives byte b the log-prob −(1 + b mod 7)/8: b −1/8, c −2/8, and never scores a first token.
      assert.deepEqual(results, [
        { id: "line 1", ability: "text", logProb: -3 / 8, tokens: 2 },
        { id: "line 2", ability: "text", logProb: -2 / 8, tokens: 1 },
      ]);
    }),
  );

  it.effect("askProbes() skips what has no room, and counts what was sampled", () =>
    Effect.gen(function* () {
      const { results, use } = yield* ask(
        [
          { prompt: "a".repeat(40), answer: "b" },
          { prompt: "a", answer: "b" },
          { continuation: "a".repeat(40) },
        ],
        "b",
        { maxContext: 30 },
      );
      assert.deepEqual(
        results.map((result) => "skipped" in result),
        [true, false, true],
      );
      assert.deepEqual(use, { modelCalls: 1, generatedTokens: 2 });
    }),
  );
});
