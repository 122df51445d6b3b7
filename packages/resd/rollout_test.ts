import { EnvironmentInfraError, type StepResult, hashSeed } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { TestClock } from "effect/testing";
import { makeWorld, smallConfig } from "./_world.ts";
import { brokenTask } from "./_world_environment.ts";
import type { WorldOptions } from "./_world_options.ts";
import type { Limits } from "./config.ts";
import { studentPrompt } from "./first_prompt.ts";
import { inSilence } from "./journal.ts";
import { answerText } from "./format/tool_calls.ts";
import { rollOut } from "./rollout.ts";
import type { RolloutRequest } from "./rollout_request.ts";

const limits = smallConfig().limits;

const request = (key: string, index = 0, size = 1): RolloutRequest => ({
  id: `${key}/${index}`,
  row: { key, task: key, problem: `say ${key}` },
  group: { index, size },
  episodeSeed: hashSeed("episode", key, index),
  turnSeed: (turn) => hashSeed("turn", key, index, turn),
});

const run = (
  options: WorldOptions,
  requests: ReadonlyArray<RolloutRequest>,
  changes: Partial<Limits> = {},
  maxTokens = 24,
  stop: ReadonlyArray<string> = [],
) => {
  const world = makeWorld(options);
  const rules = {
    as: "student" as const,
    sampling: { ...smallConfig().sampling.rollout, maxTokens, stop },
    rewardPolicy: "all-pass" as const,
    limits: { ...limits, ...changes },
    firstPrompt: (
      initial: Parameters<typeof studentPrompt>[0],
      row: Parameters<typeof studentPrompt>[1],
    ) => studentPrompt(initial, row, { ...limits, ...changes }.promptTokens),
  };
  return Effect.map(Effect.provide(rollOut(requests, rules, inSilence), world.layer), (result) => ({
    ...result,
    world,
  }));
};

const busy = (retryable: boolean) => new EnvironmentInfraError({ message: "busy", retryable });

describe("rollOut", () => {
  it.effect(
    "rollOut() makes an attempt with prompt, answer, mask, log-probs, reward and outcome",
    () =>
      Effect.gen(function* () {
        const { rollouts, episodes, use, world } = yield* run({}, [request("a")]);
        const { attempt } = rollouts[0]!;
        assert.strictEqual(world.textOf(attempt.ids), "<task> say a <prog> a <end>");
        assert.strictEqual(attempt.from, 4);
        assert.deepEqual([...attempt.mask], [1, 1]);
        assert.deepEqual([...attempt.logProbs], [-1, -0.5]);
        assert.include(attempt, {
          id: "a/0",
          taskKey: "a",
          reward: 1,
          success: true,
          fraction: 1,
          truncated: false,
          policyVersion: "v0",
        });
        assert.deepEqual(attempt.actions, [{ content: "a", stop: "eos" }]);
        assert.strictEqual(episodes, 1);
        assert.deepEqual(use, { modelCalls: 1, generatedTokens: 2 });
      }),
  );

  it.effect("rollOut() ends an action before its stop string, and keeps all tokens of it", () =>
    Effect.gen(function* () {
      const { rollouts, world } = yield* run(
        { answer: () => "a then b and more", turns: 2 },
        [request("a")],
        {},
        24,
        ["then b"],
      );
      const { attempt } = rollouts[0]!;
      const said = { content: "a", stop: "stop_string" as const };
      assert.deepEqual(attempt.actions, [said, said]);
      const texts = world.textOf(attempt.ids).split("a then b");
      assert.lengthOf(texts, 3); // one at the end of each turn
      assert.notInclude(texts.join(), "more");
      assert.strictEqual(attempt.mask.filter((one) => one === 1).length, 6);
      assert.isTrue(
        attempt.logProbs.every((logProb, i) => (attempt.mask[i] === 1) === logProb < 0),
      );
    }),
  );

  it.effect("rollOut() generates once per turn over the live attempts, in sample order", () =>
    Effect.gen(function* () {
      const { world, rollouts } = yield* run(
        {
          turns: 3,
          failing: (at, key, count) =>
            at === "step" && key === "b" && count === 2 ? busy(false) : undefined,
        },
        [request("a"), request("b"), request("c")],
      );
      assert.deepEqual(
        world.log.filter((line) => line.startsWith("generate")),
        ["generate 3 as student", "generate 3 as student", "generate 2 as student"],
      );
      const asked = world.requests.map((one) => one.id);
      assert.deepEqual(asked, ["a/0", "b/0", "c/0", "a/0", "b/0", "c/0", "a/0", "c/0"]);
      assert.deepEqual(
        world.requests.map((one) => one.seed),
        [0, 0, 0, 1, 1, 1, 2, 2].map((turn, i) => hashSeed("turn", asked[i]![0]!, 0, turn)),
      );
      assert.deepEqual(
        rollouts.map((rollout) => rollout.ungraded?.reason),
        [undefined, "none:environment-error", undefined],
      );
    }),
  );

  it.effect("rollOut() joins environments in sample order, whichever answers first", () =>
    Effect.gen(function* () {
      const slow = (result: StepResult, key: string) =>
        Effect.as(Effect.sleep(key === "a" ? 500 : 10), result);
      const fiber = yield* Effect.forkChild(
        run({ turns: 2, onStep: slow }, [request("a"), request("b")]),
      );
      yield* TestClock.adjust("10 seconds");
      const { world, rollouts } = yield* Fiber.join(fiber);
      assert.deepEqual(
        world.requests.map((one) => one.id),
        ["a/0", "b/0", "a/0", "b/0"],
      );
      assert.deepEqual(
        rollouts.map((rollout) => rollout.attempt.taskKey),
        ["a", "b"],
      );
    }),
  );

  it.effect(
    "rollOut() only ever appends: every prompt of a turn begins with all ids before it",
    () =>
      Effect.gen(function* () {
        const { world, rollouts } = yield* run(
          {
            turns: 4,
            answer: ({ word, request: { seed } }) =>
              seed % 3 === 0 ? `${word}…` : `${word} ${word}`,
          },
          Array.from({ length: 8 }, (_, i) => request(`t${i}`)),
        );
        for (const { attempt } of rollouts) {
          const prompts = world.requests
            .filter((one) => one.id === attempt.id)
            .map((one) => one.prompt);
          assert.strictEqual(prompts.length, 4);
          assert.deepEqual(prompts[0], attempt.ids.slice(0, attempt.from));
          [...prompts.slice(1), attempt.ids].forEach((longer, turn) => {
            assert.deepEqual(longer.slice(0, prompts[turn]!.length), prompts[turn]);
          });
          const suffix = attempt.ids.length - attempt.from;
          assert.strictEqual(attempt.mask.length, suffix);
          assert.strictEqual(attempt.logProbs.length, suffix);
          attempt.logProbs.forEach((logProb, t) =>
            assert.strictEqual(logProb !== 0, attempt.mask[t] === 1),
          );
        }
      }),
  );

  it.effect(
    "rollOut() says the end of turn once: sampled with mask 1, or added with mask 0 after a cut",
    () =>
      Effect.gen(function* () {
        const shown = (answer: string) =>
          Effect.map(
            run({ turns: 2, answer: () => answer }, [request("a")]),
            ({ rollouts, world }) => {
              const { attempt } = rollouts[0]!;
              const tokens = world.textOf(attempt.ids.slice(attempt.from)).split(" ");
              return tokens.map((token, t) => `${token}:${attempt.mask[t]}`).join(" ");
            },
          );
        const heard = "<task>:0 heard:0 x:0 <prog>:0";
        assert.strictEqual(yield* shown("x"), `x:1 <end>:1 ${heard} x:1 <end>:1`);
        assert.strictEqual(yield* shown("x…"), `x:1 <end>:0 ${heard} x:1`);
      }),
  );

  it.effect("rollOut() ends an attempt at the limit of turns, with the last answer as it is", () =>
    Effect.gen(function* () {
      const { rollouts } = yield* run({ turns: 5 }, [request("a")], { maxTurns: 2 });
      const { attempt, ungraded } = rollouts[0]!;
      assert.isUndefined(ungraded);
      assert.strictEqual(attempt.actions.length, 2);
      assert.include(attempt, { success: false, reward: 0, fraction: 0 });
      assert.strictEqual(answerText(attempt), "a\n\na");
    }),
  );

  it.effect(
    "rollOut() marks an answer that was cut by length, and never samples beyond the context",
    () =>
      Effect.gen(function* () {
        const cut = yield* run({ answer: () => "x y z" }, [request("a")], {}, 2);
        assert.isTrue(cut.rollouts[0]!.attempt.truncated);
        const tight = yield* run({ answer: () => "x y z", maxContext: 6 }, [request("a")]);
        assert.strictEqual(tight.world.requests[0]?.sampling.maxTokens, 2);
        const turns = yield* run({ turns: 3, answer: () => "x", maxContext: 9 }, [request("a")]);
        assert.strictEqual(turns.rollouts[0]!.attempt.actions.length, 1);
        assert.isTrue(turns.rollouts[0]!.attempt.truncated);
        const last = turns.rollouts[0]!.attempt.results.at(-1);
        assert.strictEqual(last?.status, "truncated");
        assert.match(last?.feedback?.parts.at(-1)?.text ?? "", /no room in .* context of 9 tokens/);
      }),
  );

  it.effect("rollOut() masks a task whose prompt has no room, without asking the policy", () =>
    Effect.gen(function* () {
      const { rollouts, world } = yield* run({}, [request("a")], { promptTokens: 3 });
      assert.strictEqual(rollouts[0]?.ungraded?.reason, "none:overflow");
      assert.match(rollouts[0]?.ungraded?.message ?? "", /at most 3 tokens.*got 4, at task a/);
      assert.deepEqual(world.log, ["open a 0/1", "close a"]);
      const context = yield* run({ maxContext: 4 }, [request("a")]);
      assert.strictEqual(context.rollouts[0]?.ungraded?.reason, "none:overflow");
    }),
  );

  it.effect("rollOut() opens an episode again and replays it, when a step fails for a moment", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        run(
          {
            turns: 2,
            failing: (at, _key, count) => (at === "step" && count === 2 ? busy(true) : undefined),
          },
          [request("a")],
        ),
      );
      yield* TestClock.adjust("1 second");
      const { world, rollouts, episodes } = yield* Fiber.join(fiber);
      assert.deepEqual(world.log, [
        "open a 0/1",
        "generate 1 as student",
        "step a a",
        "generate 1 as student",
        "close a",
        "open a 0/1",
        "step a a",
        "step a a",
        "close a",
      ]);
      assert.strictEqual(episodes, 2);
      assert.isTrue(rollouts[0]?.attempt.success);
    }),
  );

  it.effect("rollOut() gives up a replay that shows other messages than before", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        run(
          {
            turns: 2,
            failing: (at, _key, count) => (at === "step" && count === 2 ? busy(true) : undefined),
            onStep: (result, _key, count) =>
              Effect.succeed({
                ...result,
                observation: [{ role: "user", content: `step ${count}` }],
              }),
          },
          [request("a")],
        ),
      );
      yield* TestClock.adjust("1 second");
      const { rollouts } = yield* Fiber.join(fiber);
      assert.match(rollouts[0]?.ungraded?.message ?? "", /same observation.*replayed/);
    }),
  );

  it.effect(
    "rollOut() stops retrying after the limit, and never retries what is not retryable",
    () =>
      Effect.gen(function* () {
        const opens = (retryable: boolean) =>
          Effect.gen(function* () {
            let count = 0;
            const failing: WorldOptions["failing"] = (at) => {
              if (at !== "open") return undefined;
              count++;
              return busy(retryable);
            };
            const fiber = yield* Effect.forkChild(run({ failing }, [request("a")]));
            yield* TestClock.adjust("10 seconds");
            const { rollouts, episodes } = yield* Fiber.join(fiber);
            assert.strictEqual(rollouts[0]?.ungraded?.reason, "none:environment-error");
            assert.strictEqual(episodes, 0);
            return count;
          });
        assert.strictEqual(yield* opens(true), 3);
        assert.strictEqual(yield* opens(false), 1);
      }),
  );

  it.effect("rollOut() masks a step that takes too long, and releases the episode", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        run({ onStep: () => Effect.never }, [request("a")], { stepTimeoutMillis: 100 }),
      );
      yield* TestClock.adjust("1 second");
      const { rollouts, world } = yield* Fiber.join(fiber);
      assert.match(rollouts[0]?.ungraded?.message ?? "", /within 100 ms/);
      assert.strictEqual(world.log.at(-1), "close a");
    }),
  );

  it.effect("rollOut() masks a reward that is no number", () =>
    Effect.gen(function* () {
      const { rollouts } = yield* run(
        { onStep: (result) => Effect.succeed({ ...result, reward: Number.NaN }) },
        [request("a")],
      );
      assert.match(rollouts[0]?.ungraded?.message ?? "", /finite reward, got NaN/);
    }),
  );

  it.effect("rollOut() tells a broken task from an environment that failed", () =>
    Effect.gen(function* () {
      const { rollouts } = yield* run(
        {
          failing: (at, key) =>
            at !== "step" ? undefined : key === "a" ? brokenTask(key) : busy(false),
        },
        [request("a"), request("b")],
      );
      assert.deepEqual(
        rollouts.map((rollout) => rollout.ungraded?.brokenTask),
        [true, false],
      );
    }),
  );

  it.effect("rollOut() adds rewards that need all siblings of a task", () =>
    Effect.gen(function* () {
      const { rollouts } = yield* run({ gradeGroup: (last) => last.map((_, i) => i * 10) }, [
        request("a", 0, 2),
        request("a", 1, 2),
        request("b"),
      ]);
      assert.deepEqual(
        rollouts.map((rollout) => rollout.attempt.reward),
        [1, 11, 1],
      );
    }),
  );

  it.effect("rollOut() releases every episode, when it is interrupted", () =>
    Effect.gen(function* () {
      const world = makeWorld({ onStep: () => Effect.never });
      const rules = {
        as: "student" as const,
        sampling: smallConfig().sampling.rollout,
        rewardPolicy: "env" as const,
        limits,
        firstPrompt: (
          initial: Parameters<typeof studentPrompt>[0],
          row: Parameters<typeof studentPrompt>[1],
        ) => studentPrompt(initial, row, 100),
      };
      const fiber = yield* Effect.forkChild(
        Effect.provide(rollOut([request("a"), request("b")], rules, inSilence), world.layer),
      );
      yield* TestClock.adjust("1 millis");
      assert.include(world.log, "step b b");
      yield* Fiber.interrupt(fiber);
      assert.deepEqual(world.log.slice(-2).toSorted(), ["close a", "close b"]);
    }),
  );
});
