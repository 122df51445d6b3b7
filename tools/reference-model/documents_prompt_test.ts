import {
  type Attempt,
  type Entry,
  Environment,
  type EpisodeContext,
  type Prompt,
  type View,
  emptyView,
  isSuccess,
  makeRandom,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { layer } from "@resd/env-kestrel";
import { type Plan, conventionOf } from "@resd/env-kestrel/language";
import { compactFormat } from "@resd/resd";
import { Duration, Effect } from "effect";
import {
  type Words,
  drawFailure,
  drawSuccess,
  feedbackOf,
  goldWords,
} from "./documents_attempts.ts";
import { MILD, drawKnown, drawPlaybook } from "./documents_playbooks.ts";
import { curatorPrompt, programPrompt, reflectionPrompt } from "./documents_prompt.ts";
import { reflect } from "./oracle.ts";

const SEED = 5;
const context: EpisodeContext = {
  episodeId: "test",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 1, stepTimeout: Duration.seconds(1), maxObservationChars: 1000 },
};

const wordsOf = (prompt: Prompt): Words =>
  prompt.flatMap((segment) => ("control" in segment ? [segment.control] : segment.text.split(" ")));
const viewOf = (playbook: ReadonlyArray<string>): View => ({
  ...emptyView,
  entries: playbook.map((text, i): Entry => ({
    id: `e-${i}`,
    section: "insights",
    text,
    helpful: 0,
    harmful: 0,
    createdAt: 0,
    lastTaggedAt: 0,
  })),
});

/** One attempt at a task of the environment, as a run has it. */
const playAttempt = Effect.fnUntraced(function* (index: number, words: Words) {
  const environment = yield* Environment;
  const row = yield* environment.tasks("train").get(index);
  const episode = yield* environment.open(row, context);
  const action = { content: words.join(" "), stop: "eos" } as const;
  const result = yield* episode.step(action);
  const attempt: Attempt = {
    id: "a",
    taskKey: row.key,
    problem: row.problem,
    sample: 0,
    initial: episode.initial,
    actions: [action],
    results: [result],
    ids: new Int32Array(),
    from: 0,
    mask: new Uint8Array(),
    logProbs: new Float32Array(),
    reward: result.reward,
    success: isSuccess(result),
    fraction: result.reward,
    truncated: false,
    policyVersion: "",
  };
  return attempt;
}, Effect.scoped);

describe("prompts of documents", () => {
  it.effect(
    "programPrompt(), reflectionPrompt() and curatorPrompt() are what a run with the compact format asks",
    () =>
      Effect.gen(function* () {
        const random = makeRandom("prompts");
        const convention = conventionOf(SEED);
        const environment = yield* Environment;
        for (let index = 0; index < 200; index++) {
          const row = yield* environment.tasks("train").get(index);
          const plan = row.task as Plan;
          const draw = index % 4 === 0 ? drawSuccess : drawFailure;
          const tried = draw(random, plan, convention);
          const attempt = yield* playAttempt(index, tried.attempt);
          const playbook =
            index % 3 === 0 ? [] : drawPlaybook(random, drawKnown(random, plan), convention, MILD);
          const view = viewOf(playbook);
          const gold = goldWords(plan, convention);
          assert.strictEqual(row.gold?.content, gold.join(" "));

          const feedback = compactFormat.feedback(attempt.results);
          assert.strictEqual(feedbackOf(plan, tried.attempt.join(" "), convention), feedback);
          assert.deepStrictEqual(
            wordsOf(compactFormat.student(attempt.initial)),
            programPrompt({ plan }),
          );
          const ask = attempt.success ? compactFormat.success : compactFormat.reflector;
          assert.deepStrictEqual(
            wordsOf(ask(attempt, view)),
            reflectionPrompt({ plan, playbook, ...tried }),
          );

          const oracle = reflect({
            plan: row.problem,
            attempt: tried.attempt.join(" "),
            feedback,
          });
          const reflection = compactFormat.parseReflection(oracle.text, view, "eos");
          assert.deepStrictEqual(
            wordsOf(compactFormat.curator(reflection, view, attempt)),
            curatorPrompt(playbook, oracle.insight),
          );
          const sections = {
            playbook: view.entries,
            attempt: tried.attempt.join(" "),
            feedback,
            reflection: oracle.text,
          };
          const taught = { plan, playbook, ...tried, reflection: oracle.text.split(" ") };
          assert.deepStrictEqual(
            wordsOf(compactFormat.teacher(attempt.initial, sections)),
            programPrompt(taught),
          );
          assert.deepStrictEqual(
            wordsOf(
              compactFormat.teacher(attempt.initial, { ...sections, solution: gold.join(" ") }),
            ),
            programPrompt({ ...taught, solution: gold }),
          );
        }
      }).pipe(Effect.provide(layer({ seed: SEED }))),
  );
});
