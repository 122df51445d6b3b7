/** Held-out evaluation: the student from bare prompts, the teacher with the playbook in context. */
import {
  type Entry,
  Environment,
  type EnvironmentError,
  type Evaluation,
  type Format,
  type ModelUse,
  Policy,
  type PolicyError,
  type Role,
  type TaskRow,
  type TaskScores,
  hashName,
  hashSeed,
} from "@resd/core";
import { Effect, Result } from "effect";
import type { ResdConfig } from "./config.ts";
import { ResdError } from "./error.ts";
import { playbookPrompt, studentPrompt } from "./first_prompt.ts";
import { inSilence } from "./journal.ts";
import { rollOut } from "./rollout.ts";
import type { Rollout, RolloutRequest } from "./rollout_request.ts";
import { evaluationOf, taskScores } from "./task_scores.ts";

/** The tasks that a run is measured on. */
export interface HeldOut {
  readonly rows: ReadonlyArray<TaskRow<unknown>>;
  /** Tasks that are broken, with the reason. */
  readonly dropped: ReadonlyArray<{ readonly task: string; readonly reason: string }>;
}

/** The first so many tasks of the held-out split, or of the one that chooses; broken ones are left out. */
export const heldOutTasks = Effect.fn("resd.heldOutTasks")(function* (
  config: ResdConfig,
  use: "evaluate" | "select" = "evaluate",
): Effect.fn.Return<HeldOut, ResdError | EnvironmentError, Environment> {
  const split = config.splits[use] ?? config.splits.evaluate;
  const source = (yield* Environment).tasks(split);
  const { tasks } = config.evaluation;
  if (source.size === "infinite" && tasks === "all") {
    return yield* new ResdError({
      reason: "configuration",
      message: `Expected a number of held-out tasks for an infinite split, got "all", at evaluation.tasks; set it to the number of tasks to measure`,
    });
  }
  const count = Math.min(
    tasks === "all" ? Infinity : tasks,
    source.size === "infinite" ? Infinity : source.size,
  );
  const rows: Array<TaskRow<unknown>> = [];
  const dropped: Array<HeldOut["dropped"][number]> = [];
  for (let place = 0; place < count; place++) {
    const got = yield* Effect.result(source.get(place));
    if (Result.isSuccess(got)) rows.push(got.success);
    else if (got.failure._tag !== "EnvironmentTaskError") return yield* got.failure;
    else dropped.push({ task: got.failure.taskKey, reason: got.failure.message });
  }
  if (rows.length === 0) {
    return yield* new ResdError({
      reason: "protocol",
      message: `Expected at least one held-out task, got none, at splits.${use} ${split}; name a split that has tasks`,
    });
  }
  return { rows, dropped };
});

/** One evaluation with what it cost. */
export interface Measured {
  readonly evaluation: Evaluation;
  /** What the evaluation is a mean of. */
  readonly scores: ReadonlyArray<TaskScores>;
  readonly episodes: number;
  readonly use: ModelUse;
  /** All attempts; those that could not be graded are left out of the means. */
  readonly rollouts: ReadonlyArray<Rollout>;
}

/**
 * Measures one role on the held-out tasks, k attempts each. Seeds name the run, the task and the sample but not the
 * update or the role: every evaluation of a run draws the same numbers, and training draws others.
 *
 * @param entries what a prompt shows beside the task with this key: nothing for the student.
 */
export const evaluate = Effect.fn("resd.evaluate")(function* (
  config: ResdConfig,
  seed: number,
  rows: ReadonlyArray<TaskRow<unknown>>,
  as: Role,
  entries: (taskKey: string) => ReadonlyArray<Entry>,
): Effect.fn.Return<Measured, PolicyError | ResdError, Environment | Policy | Format> {
  const k = config.evaluation.samples;
  const { limits } = config;
  const sampling = config.sampling.evaluate;
  // A playbook never takes the room of the answer.
  const room = (yield* Policy).info.maxContext - sampling.maxTokens;
  const requests = rows.flatMap((row) =>
    Array.from({ length: k }, (_, index): RolloutRequest => ({
      id: hashName(seed, "evaluate", as, row.key, index),
      row,
      group: { index, size: k },
      episodeSeed: hashSeed(seed, "evaluate", "episode", row.key, index),
      turnSeed: (turn) => hashSeed(seed, "evaluate", row.key, index, turn),
    })),
  );
  const { rollouts, episodes, use } = yield* rollOut(
    requests,
    {
      as,
      sampling,
      rewardPolicy: config.rewardPolicy,
      limits,
      firstPrompt: (initial, row) => {
        const shown = entries(row.key);
        return shown.length === 0
          ? studentPrompt(initial, row, limits.promptTokens)
          : playbookPrompt(initial, row, shown, Math.min(limits.teacherPromptTokens, room));
      },
    },
    inSilence,
  );
  const ungraded = rollouts.filter((rollout) => rollout.ungraded !== undefined);
  if (ungraded.length === rollouts.length) {
    return yield* new ResdError({
      reason: "no-attempts",
      message: `Expected graded attempts on ${rows.length} held-out tasks, got none; the first failed with: ${ungraded[0]?.ungraded?.message}`,
    });
  }
  const scores = taskScores(rollouts);
  return { evaluation: evaluationOf(scores, k), scores, episodes, use, rollouts };
});
