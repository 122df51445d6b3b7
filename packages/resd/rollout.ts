/**
 * Rollouts: many episodes at once, in waves. Each turn is one `generate` over all live attempts in sample order; then
 * their environments step concurrently and are joined in sample order. So the batches a policy sees depend on the list
 * of requests alone, and never on which environment answered first.
 */
import {
  type Action,
  type Attempt,
  Environment,
  type EnvironmentError,
  Format,
  type Ids,
  type Message,
  type ModelUse,
  Policy,
  type PolicyError,
  type Prompt,
  type RewardPolicy,
  type Role,
  type Sampling,
  type StepResult,
  type TaskRow,
  isSuccess,
  passedFraction,
  stepReward,
} from "@resd/core";
import { Duration, Effect, Result, type Scope } from "effect";
import type { Limits } from "./config.ts";
import { type EpisodeSlot, openEpisode } from "./episode_slot.ts";
import { ResdError } from "./error.ts";
import type { During } from "./journal.ts";

/** One attempt to make. */
export interface RolloutRequest {
  /** Names the attempt. */
  readonly id: string;
  readonly row: TaskRow<unknown>;
  /** This is the `index`-th of `size` rollouts of its task. */
  readonly group: { readonly index: number; readonly size: number };
  readonly episodeSeed: number;
  /** Seed of the sampling of a turn, counted from 0. */
  readonly turnSeed: (turn: number) => number;
}

/** A first prompt that is ready to be sampled from, or why there is none. */
export type FirstPrompt =
  | { readonly _tag: "Ready"; readonly prompt: Prompt; readonly ids: Ids }
  | { readonly _tag: "TooLong"; readonly message: string };

/** How all attempts of one call are made. */
export interface RolloutRules {
  readonly as: Role;
  readonly sampling: Sampling;
  readonly rewardPolicy: RewardPolicy;
  readonly limits: Limits;
  readonly firstPrompt: (
    initial: ReadonlyArray<Message>,
    row: TaskRow<unknown>,
  ) => Effect.Effect<FirstPrompt, PolicyError, Policy | Format>;
}

/** Why an attempt has no grade, and so no part in anything that is learned. */
export interface Ungraded {
  readonly reason: "none:environment-error" | "none:overflow";
  readonly message: string;
  /** The task itself is broken: it will not be tried again. */
  readonly brokenTask: boolean;
}

/** One attempt with its first prompt; of an ungraded one, what there is. */
export interface Rollout {
  readonly row: TaskRow<unknown>;
  readonly prompt: Prompt;
  readonly attempt: Attempt;
  readonly ungraded?: Ungraded;
}

export interface Rollouts {
  /** In the order of the requests. */
  readonly rollouts: ReadonlyArray<Rollout>;
  /** Episodes opened, those of retries included. */
  readonly episodes: number;
  readonly use: ModelUse;
}

/** An attempt in the making. Ids, mask and log-probs only ever grow at their end. */
interface Live {
  readonly request: RolloutRequest;
  readonly slot?: EpisodeSlot;
  prompt: Prompt;
  ids: Ids;
  from: number;
  readonly mask: Array<number>;
  readonly logProbs: Array<number>;
  readonly conversation: Array<Message>;
  readonly actions: Array<Action>;
  readonly results: Array<StepResult>;
  policyVersion: string;
  truncated: boolean;
  running: boolean;
  ungraded?: Ungraded;
}

const joined = (a: Ids, b: Ids): Ids => {
  const out = new Int32Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
};

const stopWith = (live: Live, ungraded: Ungraded): void => {
  live.running = false;
  live.ungraded = ungraded;
};

const environmentFailed = (error: EnvironmentError): Ungraded => ({
  reason: "none:environment-error",
  message: error.message,
  brokenTask: error._tag === "EnvironmentTaskError",
});

const overlong = (message: string): Ungraded => ({
  reason: "none:overflow",
  message,
  brokenTask: false,
});

const open = Effect.fnUntraced(function* (
  request: RolloutRequest,
  limits: Limits,
): Effect.fn.Return<Live, never, Environment | Scope.Scope> {
  const opened = yield* Effect.result(
    openEpisode(
      request.row,
      {
        episodeId: request.id,
        seed: request.episodeSeed,
        group: request.group,
        limits: {
          maxTurns: limits.maxTurns,
          stepTimeout: Duration.millis(limits.stepTimeoutMillis),
          maxObservationChars: limits.maxObservationChars,
        },
      },
      limits,
    ),
  );
  const slot = Result.getOrUndefined(opened);
  return {
    request,
    ...(slot === undefined ? {} : { slot }),
    prompt: [],
    ids: new Int32Array(),
    from: 0,
    mask: [],
    logProbs: [],
    conversation: [...(slot?.initial ?? [])],
    actions: [],
    results: [],
    policyVersion: "",
    truncated: false,
    running: slot !== undefined,
    ...(Result.isFailure(opened) ? { ungraded: environmentFailed(opened.failure) } : {}),
  };
});

/** Puts the first prompt in place, or ends the attempt before it began. */
const begin = Effect.fnUntraced(function* (
  live: Live,
  rules: RolloutRules,
): Effect.fn.Return<void, PolicyError | ResdError, Policy | Format> {
  const { slot, request } = live;
  if (slot === undefined) return;
  if ((slot.tools?.length ?? 0) > 0) {
    return yield* new ResdError({
      reason: "incompatible",
      message: `Expected episodes without tools, got ${slot.tools?.length} at task ${request.row.key}; prompt format ${(yield* Format).id} cannot show them to the policy`,
    });
  }
  const policy = yield* Policy;
  const first = yield* rules.firstPrompt(slot.initial, request.row);
  if (first._tag === "TooLong") return stopWith(live, overlong(first.message));
  live.prompt = first.prompt;
  live.ids = first.ids;
  live.from = first.ids.length;
  if (first.ids.length >= policy.info.maxContext) {
    stopWith(
      live,
      overlong(
        `Expected a prompt below the policy's context of ${policy.info.maxContext} tokens, got ${first.ids.length}, at task ${request.row.key}`,
      ),
    );
  }
});

/** One generation for all live attempts. */
const act = Effect.fnUntraced(function* (
  lives: ReadonlyArray<Live>,
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
    live.ids = joined(live.ids, answer.ids);
    answer.ids.forEach((_, t) => {
      live.mask.push(1);
      live.logProbs.push(answer.logProbs[t]!);
    });
    live.policyVersion = answer.policyVersion;
    live.truncated = answer.stop === "max_tokens";
    live.actions.push(format.parseAction(policy.decode(answer.ids), answer.stop));
  });
  return { modelCalls: lives.length, generatedTokens };
});

/**
 * Appends what follows an action: end of turn, results, next header. The format always begins with the end of turn, so
 * where the policy has sampled it, it is not said twice.
 */
const follow = Effect.fnUntraced(function* (
  live: Live,
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
  const prompt = format.continuation(live.conversation, result.observation);
  const whole = yield* policy.encode(prompt);
  const said = action.stop === "eos" && whole[0] === live.ids.at(-1) ? 1 : 0;
  const ids = whole.subarray(said);
  if (live.ids.length + ids.length >= policy.info.maxContext) {
    live.running = false;
    live.truncated = true;
    return;
  }
  live.ids = joined(live.ids, ids);
  ids.forEach(() => {
    live.mask.push(0);
    live.logProbs.push(0);
  });
  live.conversation.push({ role: "assistant", content: action.content }, ...result.observation);
});

/** Shows all live environments their actions, and joins the answers in sample order. */
const observe = Effect.fnUntraced(function* (
  lives: ReadonlyArray<Live>,
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
  lives: ReadonlyArray<Live>,
): Effect.fn.Return<ReadonlyMap<Live, number>, never, Environment> {
  const { gradeGroup } = yield* Environment;
  const rewards = new Map<Live, number>();
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

const rolloutOf = (live: Live, rewardPolicy: RewardPolicy, groupReward: number): Rollout => {
  const { request, results, ungraded } = live;
  const last = results.at(-1);
  const graded = ungraded === undefined && last !== undefined;
  const success = graded && isSuccess(last);
  return {
    row: request.row,
    prompt: live.prompt,
    attempt: {
      id: request.id,
      taskKey: request.row.key,
      problem: request.row.problem,
      sample: request.group.index,
      initial: live.slot?.initial ?? [],
      actions: live.actions,
      results,
      ids: live.ids,
      from: live.from,
      mask: Uint8Array.from(live.mask),
      logProbs: Float32Array.from(live.logProbs),
      reward: graded
        ? results.reduce((sum, result) => sum + stepReward(rewardPolicy, result), groupReward)
        : 0,
      success,
      fraction: graded ? (passedFraction(last) ?? (success ? 1 : 0)) : 0,
      truncated: live.truncated,
      policyVersion: live.policyVersion,
    },
    ...(ungraded === undefined ? {} : { ungraded }),
  };
};

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
        Effect.forEach(requests, (request) => open(request, rules.limits), {
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
        rollouts: lives.map((live) => rolloutOf(live, rules.rewardPolicy, rewards.get(live) ?? 0)),
        episodes: lives.reduce((sum, live) => sum + (live.slot?.opened() ?? 0), 0),
        use: { modelCalls, generatedTokens },
      };
    }),
  );
});

/** The answer as text: of several turns, what was said in each. */
export const answerText = (attempt: Attempt): string =>
  attempt.actions.map((action) => action.content).join("\n\n");
