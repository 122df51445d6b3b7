/** What an inner iteration tells the trackers besides its metrics: failures, changed playbooks, rollouts. */
import {
  type HistoryLine,
  type PlaybookError,
  type PromptFormat,
  type RolloutRecord,
  type TrainSample,
  reflectionId,
} from "@resd/core";
import { Effect } from "effect";
import { type ContextUpdate, playbookKey } from "./context_update.ts";
import type { ResdConfig } from "./config.ts";
import { promptText } from "./prompt_text.ts";
import type { Rollout } from "./rollout_request.ts";
import type { RunState } from "./run_state.ts";
import { countChanges } from "./summary.ts";
import type { Taught } from "./teach.ts";
import { dropName } from "./teacher_context.ts";

/** Says why attempts could not be graded: every broken task once, other failures in one line per kind. */
export const reportUngraded = Effect.fnUntraced(function* (
  rollouts: ReadonlyArray<Rollout>,
  state: RunState,
  update: number,
): Effect.fn.Return<void> {
  const warn = (code: string, message: string) =>
    state.journal.emit({ _tag: "Warned", update, code, message });
  const failed = new Map<string, Array<string>>();
  for (const { row, ungraded } of rollouts) {
    if (ungraded === undefined) continue;
    const message = `${row.key}: ${ungraded.message}`;
    if (!ungraded.brokenTask) {
      failed.set(ungraded.reason, [...(failed.get(ungraded.reason) ?? []), message]);
    } else if (!state.brokenTasks.has(row.key)) {
      state.brokenTasks.add(row.key);
      yield* warn("broken-task", message);
    }
  }
  for (const [reason, messages] of failed) {
    yield* warn(reason, `${messages.length} of ${rollouts.length} attempts; first ${messages[0]}`);
  }
});

/** Reports everything new in the playbooks of an update, one playbook at a time, and counts it. */
export const reportPlaybooks = Effect.fnUntraced(function* (
  context: ContextUpdate,
  state: RunState,
  update: number,
): Effect.fn.Return<ReadonlyArray<HistoryLine>, PlaybookError> {
  const all: Array<HistoryLine> = [];
  for (const [key, view] of context.views) {
    const lines = yield* state.history.unread(key);
    countChanges(state.totals, key, view.entries.length, lines);
    all.push(...lines);
    yield* state.journal.emit({
      _tag: "PlaybookChanged",
      update,
      lines,
      view,
      removals: lines.flatMap(({ change }) =>
        change._tag === "Removed" ? [{ entry: change.entry, reason: change.reason }] : [],
      ),
    });
  }
  return all;
});

/** One record per attempt, ungraded ones included. `taught` and `samples` are those of the graded ones, in order. */
export const rolloutRecords = (
  rollouts: ReadonlyArray<Rollout>,
  context: ContextUpdate,
  taught: ReadonlyArray<Taught>,
  samples: ReadonlyArray<TrainSample>,
  config: ResdConfig,
  format: PromptFormat,
): ReadonlyArray<RolloutRecord> => {
  let graded = 0;
  return rollouts.map(({ attempt, prompt, ungraded }): RolloutRecord => {
    const place = ungraded === undefined ? graded++ : undefined;
    const teacher = place === undefined ? undefined : taught[place]?.context;
    const reflection = context.reflections.get(attempt.id);
    const curation = context.curations.get(attempt.id);
    const key = playbookKey(config.playbook, attempt.taskKey);
    return {
      attempt,
      feedback: format.feedback(attempt.results),
      ...(reflection === undefined
        ? {}
        : { reflection, reflectionId: reflectionId(attempt.id, reflection) }),
      ...(curation === undefined
        ? {}
        : { curated: { operations: curation.operations, text: curation.text } }),
      signal: ungraded?.reason ?? samples[place!]!.signal,
      ...(ungraded === undefined ? {} : { ungraded: ungraded.message }),
      ...(teacher?._tag === "Fits" ? { teacherPrompt: promptText(teacher.prompt, format) } : {}),
      ...(teacher?._tag === "Fits" && teacher.dropped.length > 0
        ? { leftOut: teacher.dropped.map(dropName) }
        : {}),
      studentPrompt: promptText(prompt, format),
      playbookVersion: key === undefined ? 0 : (context.views.get(key)?.version ?? 0),
      weight: place === undefined ? 0 : samples[place]!.weight,
    };
  });
};
