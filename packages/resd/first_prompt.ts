/** The prompts that attempts begin with: the bare task, or the task with a playbook beside it. */
import { type Entry, Format, Policy, type PolicyError, type TaskRow } from "@resd/core";
import { Effect } from "effect";
import type { FirstPrompt, Opening } from "./rollout_request.ts";
import { planTeacherContext, teachingOpening } from "./teacher_context.ts";

const tooLong = (
  row: TaskRow<unknown>,
  length: number,
  limit: number,
  name: string,
): FirstPrompt => ({
  _tag: "TooLong",
  message: `Expected a prompt of at most ${limit} tokens (${name}), got ${length}, at task ${row.key}; raise the limit or leave the task out`,
});

/** The bare task, as the student reads it. */
export const studentPrompt = Effect.fnUntraced(function* (
  { initial, tools }: Opening,
  row: TaskRow<unknown>,
  limit: number,
): Effect.fn.Return<FirstPrompt, PolicyError, Policy | Format> {
  const prompt = (yield* Format).student(initial, tools);
  const ids = yield* (yield* Policy).encode(prompt);
  return ids.length > limit
    ? tooLong(row, ids.length, limit, "limits.promptTokens")
    : { _tag: "Ready", prompt, ids };
});

/** The task with playbook entries beside it, as many as there is room for; without entries the bare task. */
export const playbookPrompt = Effect.fnUntraced(function* (
  opening: Opening,
  row: TaskRow<unknown>,
  playbook: ReadonlyArray<Entry>,
  limit: number,
): Effect.fn.Return<FirstPrompt, PolicyError, Policy | Format> {
  if (playbook.length === 0) return yield* studentPrompt(opening, row, limit);
  const plan = yield* planTeacherContext(
    { ...teachingOpening(opening), playbook, results: [] },
    limit,
  );
  return plan._tag === "Fits"
    ? { _tag: "Ready", prompt: plan.prompt, ids: plan.ids }
    : tooLong(row, plan.sizes.task, limit, "with a playbook");
});
