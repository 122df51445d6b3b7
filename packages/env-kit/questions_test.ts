import { Environment, type EpisodeContext, type StepResult, type TestCase } from "@resd/core";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Schema } from "effect";
import { questions } from "./questions.ts";
import { readCode, readNumber, unreadable } from "./read_answer.ts";
import type { Verdict } from "./verdict.ts";

/** Numbers to add; `terms` of them. */
const sums = questions({
  id: "sums",
  license: "CC0-1.0",
  options: { terms: Schema.Int.pipe(Schema.withDecodingDefaultKey(Effect.succeed(3))) },
  draw: (random, { terms }) => Array.from({ length: terms }, () => random.int(100)),
  problem: (terms) => `What is ${terms.join(" + ")}?`,
  gold: (terms) => String(terms.reduce((sum, term) => sum + term)),
  read: readNumber,
  grade: (answer, terms) => {
    const sum = terms.reduce((before, term) => before + term);
    return answer === sum || `${answer} is too ${answer < sum ? "low" : "high"}.`;
  },
});

/** Programs of letters that have to contain others, with a test for each. */
const letters = questions({
  id: "letters",
  license: "CC0-1.0",
  draw: (random) => random.sample(["ab", "cd", "ef", "gh", "ij", "kl"], 2),
  problem: (wanted) =>
    `Write a block of letters with ${wanted.map((pair) => [...pair].join(" next to ")).join(" and ")}.`,
  gold: (wanted) => `\`\`\`\n${wanted.join("")}\n\`\`\``,
  read: readCode(),
  grade: (answer, wanted) => {
    if (!/^[a-z]+$/.test(answer)) return unreadable("Letters only.");
    const tests = wanted.map((pair): TestCase => ({
      id: pair[0]!,
      visibility: "public",
      status: answer.includes(pair) ? "passed" : "failed",
    }));
    return { tests };
  },
  tests: true,
});

describe("questions() keeps the laws", () => {
  describe("with a number as answer, and options", () => {
    registerLaws(environmentLaws(sums, { terms: 4, trainSize: "endless" }));
  });
  describe("with tests", () =>
    registerLaws(environmentLaws(letters, { testSize: 2, trainSize: 9 })));
});

const context: EpisodeContext = {
  episodeId: "by-hand",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 1, stepTimeout: Duration.seconds(1), maxObservationChars: 1000 },
};

/** What an environment with this grader answers. */
const graded = (
  grade: () => Verdict | Promise<Verdict> | Effect.Effect<Verdict>,
  content = "an answer",
) => {
  const plugin = questions({
    id: "any",
    license: "CC0-1.0",
    draw: (random) => random.int(1000),
    problem: (n) => `Problem ${n}`,
    grade,
    maxFeedbackChars: 60,
  });
  return Effect.gen(function* () {
    const environment = yield* Environment;
    const row = yield* environment.tasks("train").get(0);
    const episode = yield* environment.open(row, context);
    return yield* episode.step({ content, stop: "eos" });
  }).pipe(Effect.scoped, Effect.provide(plugin.layer({ testSize: 1 })));
};

const outcome = ({ reward, success, parse, feedback }: StepResult) => ({
  reward,
  success,
  parse,
  said: feedback?.parts.map(({ text }) => text),
});

describe("questions()", () => {
  it.effect("takes a truth value, a number, a sentence or details as a verdict, now or later", () =>
    Effect.gen(function* () {
      const right = { reward: 1, success: true, parse: "not_applicable" as const, said: undefined };
      for (const verdict of [true, 1, { reward: 1 }]) {
        assert.deepStrictEqual(outcome(yield* graded(() => verdict)), right);
        assert.deepStrictEqual(outcome(yield* graded(() => Promise.resolve(verdict))), right);
        assert.deepStrictEqual(outcome(yield* graded(() => Effect.succeed(verdict))), right);
      }
      const wrong = { reward: 0, success: false, parse: "not_applicable" as const };
      assert.deepStrictEqual(outcome(yield* graded(() => false)), {
        ...wrong,
        said: ['"an answer" is not right.'],
      });
      assert.deepStrictEqual(outcome(yield* graded(() => "Too low.")), {
        ...wrong,
        said: ["Too low."],
      });
      assert.deepStrictEqual(outcome(yield* graded(() => 0.5)), {
        ...wrong,
        reward: 0.5,
        said: ['"an answer" is not right.'],
      });
      assert.deepStrictEqual(outcome(yield* graded(() => unreadable("No verb."))), {
        ...wrong,
        parse: "malformed" as const,
        said: ["No verb."],
      });
    }),
  );

  it.effect("reads what was written without thinking, and nothing as no answer", () =>
    Effect.gen(function* () {
      const none = yield* graded(() => true, " <think>7? no</think> <think>8");
      assert.deepStrictEqual(outcome(none), {
        reward: 0,
        success: false,
        parse: "no_answer",
        said: ["There is no answer."],
      });
      assert.isTrue((yield* graded(() => true, "<think>7? no</think>8")).success);
    }),
  );

  it.effect(
    "holds feedback within its bound, and blames the grader for a reward out of range",
    () =>
      Effect.gen(function* () {
        const { feedback } = yield* graded(() => "x".repeat(1000));
        assert.isAtMost(feedback!.parts[0]!.text.length, 60);
        const error = yield* Effect.flip(graded(() => 1.5));
        assert.match(error.message, /Expected a reward from 0 to 1, got 1\.5, at task any\//);
        const rejected = yield* Effect.flip(graded(() => Promise.reject(new Error("no judge"))));
        assert.deepInclude(rejected, { _tag: "EnvironmentInfraError", message: "no judge" });
      }),
  );

  it.effect("says how many tasks there are when more are asked for", () =>
    Effect.gen(function* () {
      const few = questions({
        id: "few",
        license: "CC0-1.0",
        draw: (random) => random.int(3),
        problem: (n) => `Problem ${n}`,
        grade: () => true,
      });
      const error = yield* Effect.flip(
        Effect.scoped(Effect.provide(Environment, few.layer({ trainSize: 4 }))),
      );
      assert.match(error.message, /Expected another task for .*, got none in 2000 draws/);
    }),
  );
});
