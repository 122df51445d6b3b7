/** A point of the learning curve: the student, and whoever else the run asks for, on the tasks set aside. */
import {
  type Environment,
  type Format,
  Playbook,
  type PlaybookError,
  type Policy,
  type PolicyError,
  type Role,
  type TaskRow,
  type TaskScores,
} from "@resd/core";
import { Clock, Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import { playbookKey } from "./context_update.ts";
import type { ResdError } from "./error.ts";
import { evaluate } from "./evaluate.ts";
import { reportUngraded } from "./report.ts";
import type { RunState } from "./run_state.ts";
import { type CurvePoint, countUse } from "./summary.ts";

/** Tasks that are only ever measured on. */
export interface TasksSetAside {
  readonly heldOut: ReadonlyArray<TaskRow<unknown>>;
  /** Those that choose the best policy, where they are others. */
  readonly select?: ReadonlyArray<TaskRow<unknown>>;
}

/**
 * Measures the student, then the teacher if the run asks for it, then the student on the tasks that choose. The point is
 * added to the curve and told to the trackers, with the scores that it is made of.
 */
export const measure = Effect.fnUntraced(function* (
  config: ResdConfig,
  state: RunState,
  tasks: TasksSetAside,
): Effect.fn.Return<
  CurvePoint,
  PolicyError | PlaybookError | ResdError,
  Environment | Policy | Format | Playbook
> {
  const { journal, totals, seed } = state;
  const { updates: update, interactions } = totals;
  const playbook = yield* Playbook;
  const start = yield* Clock.monotonicTimeNanos;
  const during = journal.during(update);
  const scores: Partial<Record<"student" | "teacher" | "select", ReadonlyArray<TaskScores>>> = {};

  const on = Effect.fnUntraced(function* (
    name: keyof typeof scores,
    as: Role,
    set: ReadonlyArray<TaskRow<unknown>>,
  ) {
    const rows = set.filter((row) => !state.brokenTasks.has(row.key));
    const views = new Map(
      yield* Effect.forEach(
        as === "teacher" && config.sections.playbook ? rows : [],
        Effect.fnUntraced(function* ({ key: taskKey }) {
          const key = playbookKey(config.playbook, taskKey);
          const entries = key === undefined ? [] : (yield* playbook.view(key)).entries;
          return [taskKey, entries] as const;
        }),
      ),
    );
    const measured = yield* during(
      "evaluate",
      `${rows.length * config.evaluation.samples} answers of the ${as}`,
      evaluate(config, seed, rows, as, (key) => views.get(key) ?? []),
    );
    totals.evaluationEpisodes += measured.episodes;
    countUse(totals, "evaluate", measured.use);
    yield* reportUngraded(measured.rollouts, state, update);
    scores[name] = measured.scores;
    return measured.evaluation;
  });

  const point: {
    -readonly [Key in keyof CurvePoint]: CurvePoint[Key];
  } = { update, interactions, student: yield* on("student", "student", tasks.heldOut) };
  if (config.evaluation.teacher) point.teacher = yield* on("teacher", "teacher", tasks.heldOut);
  if (tasks.select !== undefined) point.select = yield* on("select", "student", tasks.select);
  totals.curve.push(point);
  const seconds = Number((yield* Clock.monotonicTimeNanos) - start) / 1e9;
  yield* journal.emit({ _tag: "Evaluated", ...point, scores, seconds });
  return point;
});
