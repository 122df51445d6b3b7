/** One recorded attempt, made again: the same task and the same loop, with other weights, another prompt or other draws. */
import {
  type Entry,
  Format,
  Policy,
  type Sampling,
  type TaskRow,
  hashName,
  hashSeed,
} from "@resd/core";
import {
  type FirstPrompt,
  type PlaybookState,
  type RolloutRequest,
  type RolloutRules,
  answerText,
  inSilence,
  planTeacherContext,
  playbookKey,
  playbookPrompt,
  promptText,
  rollOut,
  studentPrompt,
  teachingOf,
  trainingRequest,
  trainingTask,
} from "@resd/resd";
import { Effect, Schema } from "effect";
import { type ChosenWeights, type WeightsChoice, loadChosen } from "./chosen_weights.ts";
import {
  type RecordedEpisode,
  recordedAttempt,
  readSolved,
  writtenTokens,
} from "./read_episodes.ts";
import { readMoment } from "./read_moment.ts";
import type { RunConfig } from "./run_config.ts";

/**
 * What the policy reads: the tokens that it read then; the bare task; the task with the playbook as it was after the
 * attempt's update; the task with the playbook beside the weights; or what the teacher read of the attempt.
 */
export const REPLAYED_PROMPTS = [
  "recorded",
  "task",
  "playbook-then",
  "playbook",
  "teacher",
] as const;
export type ReplayedPrompt = (typeof REPLAYED_PROMPTS)[number];

/** An attempt that cannot be made again as it was asked for. */
export class ReplayError extends Schema.TaggedError<ReplayError>()("ReplayError", {
  message: Schema.String,
}) {}

/** How an attempt is made again. */
export interface ReplayOptions {
  readonly prompt: ReplayedPrompt;
  readonly samples: number;
  /** The most probable token each time, in the place of draws. */
  readonly greedy: boolean;
  /** Names other draws; absent: the first attempt draws as the recorded one did. */
  readonly seed?: number;
}

/** What an attempt came to, recorded or new. */
export interface Outcome {
  readonly success: boolean;
  readonly reward: number;
  /** Passed share of the tests. */
  readonly fraction: number;
  /** Tokens that the policy wrote. */
  readonly tokens: number;
  readonly truncated: boolean;
  readonly answer: string;
  readonly feedback: string;
  /** Why it has no grade. */
  readonly ungraded?: string;
}

/** A new attempt at a recorded task. */
export interface ReplayedAttempt extends Outcome {
  /** Whose random numbers: those of the recorded attempt, new ones, or none. */
  readonly draws: "recorded" | "new" | "greedy";
  /** The policy wrote, token for token, what it wrote then. */
  readonly same: boolean;
}

/** A recorded attempt beside new ones. */
export interface Replay {
  readonly run: string;
  readonly episode: Pick<RecordedEpisode, "id" | "update" | "taskKey" | "problem" | "sample">;
  readonly recorded: Outcome & { readonly weights: string };
  readonly weights: { readonly which: WeightsChoice; readonly version: string };
  readonly prompt: {
    readonly which: ReplayedPrompt;
    readonly text: string;
    readonly tokens: number;
  };
  readonly sampling: Sampling;
  readonly attempts: ReadonlyArray<ReplayedAttempt>;
  readonly solved: number;
}

const entriesOf = (
  playbooks: ReadonlyMap<string, PlaybookState>,
  { resd }: RunConfig,
  taskKey: string,
): ReadonlyArray<Entry> => {
  const key = playbookKey(resd.playbook, taskKey);
  return key === undefined ? [] : (playbooks.get(key)?.entries ?? []);
};

/** Answers that the teacher of an attempt may have been shown as a solution: first those that are at hand, then those of other attempts. */
const solutionsFor = (folder: string, episode: RecordedEpisode, row: TaskRow<unknown>) => {
  const { taskKey, update } = episode;
  const gold = row.gold === undefined ? [] : [{ text: row.gold.content }];
  return [
    Effect.succeed([undefined, { text: answerText(episode) }, ...gold]),
    Effect.map(readSolved(folder, taskKey, update), (solved) =>
      [...new Set(solved.map(answerText))].map((text) => ({ text })),
    ),
  ];
};

/**
 * The prompt that the teacher of an attempt read. Its tokens are not recorded, so it is put together again from what is, and
 * refused unless its text is the recorded one.
 */
const teacherPrompt = Effect.fnUntraced(function* (
  folder: string,
  episode: RecordedEpisode,
  config: RunConfig,
  playbooks: ReadonlyMap<string, PlaybookState>,
  row: TaskRow<unknown>,
) {
  if (episode.teacherPrompt === undefined) {
    return yield* new ReplayError({
      message: `Expected an attempt that a teacher has read, got one without a teacher's prompt (signal ${episode.signal}), at ${episode.id}; replay it with another --prompt`,
    });
  }
  const format = yield* Format;
  const { maxContext } = (yield* Policy).info;
  const attempt = recordedAttempt(episode);
  const key = playbookKey(config.resd.playbook, episode.taskKey);
  const state = key === undefined ? undefined : playbooks.get(key);
  const known = {
    views: new Map(key === undefined || state === undefined ? [] : [[key, state]]),
    reflections: new Map(
      episode.reflection === undefined ? [] : [[episode.id, episode.reflection]],
    ),
  };
  const room = maxContext - (attempt.ids.length - attempt.from);
  for (const solutions of solutionsFor(folder, episode, row)) {
    for (const solution of yield* solutions) {
      const plan = yield* planTeacherContext(
        teachingOf(attempt, config.resd, known, solution),
        Math.min(config.resd.limits.teacherPromptTokens, room),
      );
      if (plan._tag === "Fits" && promptText(plan.prompt, format) === episode.teacherPrompt) {
        return { _tag: "Ready", prompt: plan.prompt, ids: plan.ids } satisfies FirstPrompt;
      }
    }
  }
  return yield* new ReplayError({
    message: `Expected to put together what the teacher read, got another text than the recorded one, at ${episode.id}; the run's files do not hold all of it (another phase of a schedule, a format in code): replay it with another --prompt`,
  });
});

/** What every attempt begins with. */
const promptFor = Effect.fnUntraced(function* (
  { files, playbooks }: ChosenWeights,
  episode: RecordedEpisode,
  config: RunConfig,
  row: TaskRow<unknown>,
  { prompt }: ReplayOptions,
) {
  const { limits, sampling } = config.resd;
  const room = (yield* Policy).info.maxContext - sampling.rollout.maxTokens;
  const withPlaybook =
    (shown: ReadonlyArray<Entry>): RolloutRules["firstPrompt"] =>
    (opening) =>
      playbookPrompt(opening, row, shown, Math.min(limits.teacherPromptTokens, room));
  const ready =
    (first: FirstPrompt): RolloutRules["firstPrompt"] =>
    () =>
      Effect.succeed(first);
  switch (prompt) {
    case "recorded": {
      const ids = Int32Array.from(episode.ids.slice(0, episode.from));
      return ready({ _tag: "Ready", prompt: [{ text: episode.studentPrompt }], ids });
    }
    case "task":
      return ((opening) =>
        studentPrompt(opening, row, limits.promptTokens)) satisfies RolloutRules["firstPrompt"];
    case "playbook":
      return withPlaybook(entriesOf(playbooks, config, row.key));
    case "playbook-then": {
      const then = yield* readMoment(files, episode.update);
      return withPlaybook(entriesOf(then, config, row.key));
    }
    case "teacher": {
      const then = yield* readMoment(files, episode.update);
      return ready(yield* teacherPrompt(files.folder, episode, config, then, row));
    }
  }
});

/** The recorded request, as often as asked: the first one draws as it did, unless a seed is given. */
const requestsFor = (
  episode: RecordedEpisode,
  row: TaskRow<unknown>,
  { seed: runSeed }: RunConfig,
  { samples, greedy, seed }: ReplayOptions,
) => {
  const { update, sample } = episode;
  return Array.from({ length: samples }, (_, k) => {
    const then = trainingRequest(row, { index: sample, size: sample + 1 }, runSeed, update - 1);
    const asThen = k === 0 && seed === undefined;
    const request: RolloutRequest = {
      ...then,
      group: { index: k, size: samples },
      ...(asThen
        ? {}
        : {
            id: hashName("replay", then.id, seed ?? 0, k),
            turnSeed: (turn) => hashSeed("replay", then.id, seed ?? 0, k, turn),
          }),
    };
    const draws: ReplayedAttempt["draws"] = greedy ? "greedy" : asThen ? "recorded" : "new";
    return { request, draws };
  });
};

const sameWords = (
  attempt: { readonly ids: Int32Array; readonly from: number },
  episode: RecordedEpisode,
) => {
  const then = episode.ids.slice(episode.from);
  const now = attempt.ids.subarray(attempt.from);
  return now.length === then.length && now.every((id, t) => id === then[t]);
};

/**
 * Makes a recorded attempt again, on the parts in the context: the loop, the environment and the seed of the episode are
 * those of the run, nothing is written, and nothing is learned.
 *
 * Fails with a ReplayError where the environment shows another task than it did, or where a teacher's prompt cannot be put
 * together again.
 *
 * @param config of the run, with whatever is changed for this replay.
 */
export const replayEpisode = Effect.fn("replayEpisode")(function* (
  chosen: ChosenWeights,
  episode: RecordedEpisode,
  config: RunConfig,
  options: ReplayOptions,
) {
  yield* loadChosen(chosen);
  const format = yield* Format;
  const policy = yield* Policy;
  const row = yield* trainingTask(config.resd, episode.taskKey);
  const { rollout } = config.resd.sampling;
  const sampling = options.greedy ? { ...rollout, temperature: 0 } : rollout;
  const asked = requestsFor(episode, row, config, options);
  const { rollouts } = yield* rollOut(
    asked.map(({ request }) => request),
    {
      as: "student",
      sampling,
      rewardPolicy: config.resd.rewardPolicy,
      limits: config.resd.limits,
      firstPrompt: yield* promptFor(chosen, episode, config, row, options),
    },
    inSilence,
  );
  const shown = JSON.stringify(episode.initial);
  const other = rollouts.find(
    ({ attempt: { initial } }) => initial.length > 0 && JSON.stringify(initial) !== shown,
  );
  if (other !== undefined) {
    return yield* new ReplayError({
      message: `Expected the environment to show the task as it did, ${shown}, got ${JSON.stringify(other.attempt.initial)}, at task ${episode.taskKey}; the environment has changed since, or its options were overridden`,
    });
  }
  const attempts = rollouts.map(({ attempt, ungraded }, k): ReplayedAttempt => ({
    draws: asked[k]!.draws,
    same: sameWords(attempt, episode),
    success: attempt.success,
    reward: attempt.reward,
    fraction: attempt.fraction,
    tokens: writtenTokens(attempt.mask),
    truncated: attempt.truncated,
    answer: answerText(attempt),
    feedback: format.feedback(attempt.results),
    ...(ungraded === undefined ? {} : { ungraded: ungraded.message }),
  }));
  const { id, update, taskKey, problem, sample } = episode;
  const [first] = rollouts;
  return {
    run: chosen.files.folder,
    episode: { id, update, taskKey, problem, sample },
    recorded: {
      success: episode.success,
      reward: episode.reward,
      fraction: episode.fraction,
      tokens: writtenTokens(episode.mask),
      truncated: episode.truncated,
      answer: answerText(episode),
      feedback: episode.feedback,
      ...(episode.ungraded === undefined ? {} : { ungraded: episode.ungraded }),
      weights: episode.policyVersion,
    },
    weights: { which: chosen.which, version: yield* policy.version("student") },
    prompt: {
      which: options.prompt,
      text: promptText(first?.prompt ?? [], format),
      tokens: first?.attempt.from ?? 0,
    },
    sampling,
    attempts,
    solved: attempts.filter(({ success }) => success).length,
  } satisfies Replay;
});
