/**
 * Rollouts: many episodes at once, in waves. Each turn is one `generate` over all live attempts in sample order; then
 * their environments step concurrently and are joined in sample order. So the batches a policy sees depend on the list
 * of requests alone, and never on which environment answered first.
 */
import {
  type Action,
  Environment,
  Format,
  type ModelUse,
  Policy,
  type PolicyError,
  type StepResult,
  beforeStop,
} from "@resd/core";
import { Effect, Result } from "effect";
import type { ResdError } from "./error.ts";
import type { During } from "./journal.ts";
import {
  type LiveAttempt,
  append,
  begin,
  environmentFailed,
  finish,
  openAttempt,
  stopWith,
} from "./live_attempt.ts";
import type { RolloutRequest, RolloutRules, Rollouts } from "./rollout_request.ts";

/** One generation for all live attempts. */
const act = Effect.fnUntraced(function* (
  lives: ReadonlyArray<LiveAttempt>,
  turn: number,
  rules: RolloutRules,
): Effect.fn.Return<ModelUse, PolicyError, Policy | Format> {
  const policy = yield* Policy;
  const format = yield* Format;
  const { maxContext } = policy.info;
  const answers = yield* policy.generate(
    lives.map(({ request, ids }) => ({
      id: request.id,
      prompt: ids,
      seed: request.turnSeed(turn),
      sampling: {
        ...rules.sampling,
        maxTokens: Math.min(rules.sampling.maxTokens, maxContext - ids.length),
      },
      as: rules.as,
    })),
  );
  let generatedTokens = 0;
  lives.forEach((live, i) => {
    const answer = answers[i]!;
    generatedTokens += answer.ids.length;
    append(live, answer.ids, answer.logProbs);
    live.policyVersion = answer.policyVersion;
    live.truncated = answer.stop === "max_tokens";
    const said = beforeStop(policy.decode(answer.ids), rules.sampling.stop);
    live.actions.push(format.parseAction(said, answer.stop, live.slot?.tools));
  });
  return { modelCalls: lives.length, generatedTokens };
});

/** The last result of an attempt whose context is full: reflector and teacher are told why it goes no further. */
const outOfContext = (result: StepResult, maxContext: number): StepResult => ({
  ...result,
  status: "truncated",
  feedback: {
    leakage: result.feedback?.leakage ?? "none",
    parts: [
      ...(result.feedback?.parts ?? []),
      {
        kind: "truncated",
        text: `The attempt ended here: what followed had no room in the policy's context of ${maxContext} tokens.`,
      },
    ],
  },
});

/**
 * Appends what follows an action: end of turn, results, next header. The format always begins with the end of turn, so
 * where the policy has sampled it, it is not said twice.
 */
const follow = Effect.fnUntraced(function* (
  live: LiveAttempt,
  action: Action,
  result: StepResult,
  turn: number,
  rules: RolloutRules,
): Effect.fn.Return<void, PolicyError, Policy | Format> {
  const policy = yield* Policy;
  const format = yield* Format;
  if (result.status !== "running" || turn + 1 >= rules.limits.maxTurns) {
    live.running = false;
    return;
  }
  const prompt = format.continuation(live.conversation, result.observation, live.slot?.tools);
  const whole = yield* policy.encode(prompt);
  const said = action.stop === "eos" && whole[0] === live.ids.at(-1) ? 1 : 0;
  const ids = whole.subarray(said);
  const { maxContext } = policy.info;
  if (live.ids.length + ids.length >= maxContext) {
    live.running = false;
    live.truncated = true;
    live.results[turn] = outOfContext(result, maxContext);
    return;
  }
  append(live, ids);
  const { content, toolCalls } = action;
  live.conversation.push(
    { role: "assistant", content, ...(toolCalls === undefined ? {} : { toolCalls }) },
    ...result.observation,
  );
});

/** Shows all live environments their actions, and joins the answers in sample order. */
const observe = Effect.fnUntraced(function* (
  lives: ReadonlyArray<LiveAttempt>,
  turn: number,
  rules: RolloutRules,
): Effect.fn.Return<void, PolicyError, Policy | Format> {
  const results = yield* Effect.forEach(
    lives,
    (live) => Effect.result(live.slot!.step(live.actions[turn]!)),
    { concurrency: "unbounded" },
  );
  for (const [i, live] of lives.entries()) {
    const result = results[i]!;
    if (Result.isFailure(result)) {
      stopWith(live, environmentFailed(result.failure));
    } else {
      live.results.push(result.success);
      yield* follow(live, live.actions[turn]!, result.success, turn, rules);
    }
    if (!live.running) yield* live.slot!.close;
  }
});

/** Rewards that need all siblings of a task, added to each episode's own; 0 where the environment has none. */
const groupRewards = Effect.fnUntraced(function* (
  lives: ReadonlyArray<LiveAttempt>,
): Effect.fn.Return<ReadonlyMap<LiveAttempt, number>, never, Environment> {
  const { gradeGroup } = yield* Environment;
  const rewards = new Map<LiveAttempt, number>();
  if (gradeGroup === undefined) return rewards;
  const graded = lives.filter((live) => live.ungraded === undefined);
  const groups = Map.groupBy(graded, (live) => live.request.row.key);
  yield* Effect.forEach(
    groups.values(),
    Effect.fnUntraced(function* (group) {
      const answer = yield* Effect.result(gradeGroup(group.map((live) => live.results.at(-1)!)));
      group.forEach((live, i) => {
        if (Result.isSuccess(answer)) rewards.set(live, answer.success[i]!);
        else stopWith(live, environmentFailed(answer.failure));
      });
    }),
    { concurrency: "unbounded", discard: true },
  );
  return rewards;
});

/**
 * Makes one attempt per request. An environment that fails ends its own attempt, not the others; a policy that fails
 * ends them all.
 */
export const rollOut = Effect.fn("resd.rollOut")(function* (
  requests: ReadonlyArray<RolloutRequest>,
  rules: RolloutRules,
  during: During,
): Effect.fn.Return<Rollouts, PolicyError | ResdError, Environment | Policy | Format> {
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const lives = yield* during(
        "grade",
        `${requests.length} episodes to open`,
        Effect.forEach(requests, (request) => openAttempt(request, rules.limits), {
          concurrency: "unbounded",
        }),
      );
      for (const live of lives) yield* begin(live, rules);

      let modelCalls = 0;
      let generatedTokens = 0;
      for (let turn = 0; turn < rules.limits.maxTurns; turn++) {
        const running = lives.filter((live) => live.running);
        if (running.length === 0) break;
        const use = yield* during(
          "rollout",
          `${running.length} answers`,
          act(running, turn, rules),
        );
        modelCalls += use.modelCalls;
        generatedTokens += use.generatedTokens;
        yield* during("grade", `${running.length} environments`, observe(running, turn, rules));
      }

      const rewards = yield* groupRewards(lives);
      return {
        rollouts: lives.map((live) => finish(live, rules.rewardPolicy, rewards.get(live) ?? 0)),
        episodes: lives.reduce((sum, live) => sum + (live.slot?.opened() ?? 0), 0),
        use: { modelCalls, generatedTokens },
      };
    }),
  );
});
