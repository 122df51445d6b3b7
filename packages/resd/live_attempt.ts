/** An attempt in the making: opened, given its first prompt, and in the end turned into what is kept of it. */
import {
  type Action,
  type Environment,
  type EnvironmentError,
  Format,
  type Ids,
  type Message,
  Policy,
  type PolicyError,
  type Prompt,
  type RewardPolicy,
  type StepResult,
  isSuccess,
  passedFraction,
  stepReward,
} from "@resd/core";
import { Duration, Effect, Result, type Scope } from "effect";
import type { Limits } from "./config.ts";
import { type EpisodeSlot, openEpisode } from "./episode_slot.ts";
import { ResdError } from "./error.ts";
import { joinIds } from "./ids.ts";
import type { Rollout, RolloutRequest, RolloutRules, Ungraded } from "./rollout_request.ts";

/** An attempt in the making. Ids, mask and log-probs only ever grow at their end. */
export interface LiveAttempt {
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

/** Appends tokens at the end: sampled ones with their log-probs, all others without. */
export const append = (live: LiveAttempt, ids: Ids, logProbs?: Float32Array): void => {
  live.ids = joinIds(live.ids, ids);
  ids.forEach((_, t) => {
    live.mask.push(logProbs === undefined ? 0 : 1);
    live.logProbs.push(logProbs?.[t] ?? 0);
  });
};

/** Ends an attempt that will have no grade. */
export const stopWith = (live: LiveAttempt, ungraded: Ungraded): void => {
  live.running = false;
  live.ungraded = ungraded;
};

export const environmentFailed = (error: EnvironmentError): Ungraded => ({
  reason: "none:environment-error",
  message: error.message,
  brokenTask: error._tag === "EnvironmentTaskError",
});

const overlong = (message: string): Ungraded => ({
  reason: "none:overflow",
  message,
  brokenTask: false,
});

/** Opens the episode of a request; a failure to do so is an attempt that has ended. */
export const openAttempt = Effect.fnUntraced(function* (
  request: RolloutRequest,
  limits: Limits,
): Effect.fn.Return<LiveAttempt, never, Environment | Scope.Scope> {
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
export const begin = Effect.fnUntraced(function* (
  live: LiveAttempt,
  rules: RolloutRules,
): Effect.fn.Return<void, PolicyError | ResdError, Policy | Format> {
  const { slot, request } = live;
  if (slot === undefined) return;
  const format = yield* Format;
  if (!format.tools && (slot.tools?.length ?? 0) > 0) {
    return yield* new ResdError({
      reason: "incompatible",
      message: `Expected episodes without tools, got ${slot.tools?.length} at task ${request.row.key}; prompt format ${format.id} cannot show them to the policy: use a model with format chat`,
    });
  }
  const policy = yield* Policy;
  const first = yield* rules.firstPrompt(slot, request.row);
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

/** What is kept of an attempt. */
export const finish = (
  live: LiveAttempt,
  rewardPolicy: RewardPolicy,
  groupReward: number,
): Rollout => {
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
      ...(live.slot?.tools === undefined ? {} : { tools: live.slot.tools }),
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
