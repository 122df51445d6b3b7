import {
  type Action,
  type EpisodeContext,
  type Manifest,
  type TaskRow,
  defineEnvironment,
  makeRandom,
  taskSource,
} from "@resd/core";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Schema } from "effect";
import { ended, failed, told, tool, toolEpisode } from "./tool_episode.ts";

const context = (maxTurns: number, maxObservationChars = 1000): EpisodeContext => ({
  episodeId: "e",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns, stepTimeout: Duration.seconds(1), maxObservationChars },
});

const guessing = (secret: number, where: EpisodeContext, log: Array<number> = []) =>
  toolEpisode({
    initial: [{ role: "user", content: "Guess a number from 1 to 100." }],
    tools: {
      guess: tool({
        description: "Guesses.",
        args: Schema.Struct({ number: Schema.Int }),
        run: ({ number }) =>
          Effect.sync(() => {
            log.push(number);
            if (number === 13) return failed("Not this one.");
            return number === secret
              ? ended({ reward: 1, success: true, parse: "ok" })
              : told(number < secret ? "More." : "Less.");
          }),
      }),
    },
    unfinished: { reward: 0, success: false },
    context: where,
  });

const calling = (...calls: ReadonlyArray<readonly [name: string, args: unknown]>): Action => ({
  content: "",
  toolCalls: calls.map(([name, args], i) => ({ id: `call-${i + 1}`, name, arguments: args })),
  stop: "eos",
});
const guess = (...numbers: ReadonlyArray<number>): Action =>
  calling(...numbers.map((number) => ["guess", { number }] as const));

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "guess",
  turns: "multi",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: { train: { size: 4, license: "CC0-1.0" } },
  feedback: { tests: false, leakage: "none", maxChars: 2000 },
  needs: [],
  gold: true,
};

const plugin = defineEnvironment({
  manifest,
  options: Schema.Struct({}),
  task: Schema.Int,
  make: () =>
    Effect.succeed({
      tasks: (split: string) =>
        taskSource(
          Array.from({ length: split === "train" ? 4 : 0 }, (_, i): TaskRow<number> => {
            const secret = 1 + makeRandom("secret", i).int(100);
            return { key: `guess/${i}`, task: secret, problem: `Guess ${i}.`, gold: guess(secret) };
          }),
        ),
      open: (row: TaskRow<number>, where: EpisodeContext) =>
        Effect.sync(() => guessing(row.task, where)),
    }),
});

describe("toolEpisode() keeps the laws", () => {
  registerLaws(environmentLaws(plugin, {}, { nearMisses: () => [guess(0), guess(13)] }));
});

describe("toolEpisode()", () => {
  it.effect("goes on until a tool ends it, call by call", () =>
    Effect.gen(function* () {
      const log: Array<number> = [];
      const episode = guessing(42, context(5), log);
      assert.deepEqual(episode.tools?.[0], {
        name: "guess",
        description: "Guesses.",
        parameters: episode.tools![0]!.parameters,
      });
      assert.deepInclude(episode.tools![0]!.parameters, { type: "object", required: ["number"] });
      const first = yield* episode.step(guess(50, 13));
      assert.deepEqual(
        first.observation.map(({ role, content, name, toolCallId }) => [
          role,
          content,
          name,
          toolCallId,
        ]),
        [
          ["tool", "Less.", "guess", "call-1"],
          ["tool", "Not this one.", "guess", "call-2"],
        ],
      );
      assert.deepEqual(first.feedback?.parts, [{ kind: "tool_error", text: "Not this one." }]);
      const last = yield* episode.step(guess(42, 7));
      assert.deepInclude(last, { status: "terminated", reward: 1, success: true });
      assert.deepEqual(log, [50, 13, 42]);
      assert.strictEqual((yield* Effect.flip(episode.step(guess(1))))._tag, "EpisodeClosedError");
    }),
  );

  it.effect("says what is wrong with a call, and that nothing was called", () =>
    Effect.gen(function* () {
      const episode = guessing(42, context(9));
      const said = (action: Action) =>
        Effect.map(episode.step(action), ({ observation, parse }) => [
          observation[0]?.content ?? "",
          parse,
        ]);
      const [unknown] = yield* said(calling(["gues", { number: 1 }]));
      assert.strictEqual(unknown, 'There is no tool "gues". The tools are: guess.');
      assert.match((yield* said(calling(["", "guess 1"])))[0]!, /cannot be read.*got guess 1\./);
      assert.match((yield* said(calling(["guess", { number: "1" }])))[0]!, /do not fit.*"number"/s);
      assert.match((yield* said(calling(["toString", {}])))[0]!, /no tool "toString"/);
      assert.deepEqual(yield* said({ content: "42", stop: "eos" }), [
        "Nothing happened, because no tool was called. The tools are: guess.",
        "no_answer",
      ]);
      assert.match(
        (yield* said({ content: "4", stop: "max_tokens" }))[0]!,
        /cut off by its length/,
      );
    }),
  );

  it.effect("ends with the turns, and has room for what it says", () =>
    Effect.gen(function* () {
      const episode = guessing(42, context(2, 40));
      const many = yield* episode.step(guess(...Array.from({ length: 20 }, () => 1)));
      assert.isAtMost(
        many.observation.reduce((sum, { content }) => sum + content.length, 0),
        40,
      );
      const over = yield* episode.step(guess(1));
      assert.deepInclude(over, { status: "truncated", reward: 0, parse: "no_answer" });
      assert.include(over.feedback?.parts.at(-1)?.text ?? "", "within 2 turns");
    }),
  );
});
