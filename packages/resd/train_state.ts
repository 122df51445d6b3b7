/** Everything that the loop carries from one inner update to the next, as data: what a run that was cut off goes on from. */
import { type Phase, ProbeResult, Entry } from "@resd/core";
import { Schema } from "effect";
import { Diagnosis } from "./detect/finding.ts";
import type { RunState } from "./run_state.ts";
import { ObservedUpdate, PhaseStart } from "./schedule.ts";
import { type Solution, makeSolutionBuffer } from "./solution_buffer.ts";
import { makeStudentPlaybook } from "./student_playbook.ts";
import { ByPurpose, CurvePoint, type Totals, makeTotals } from "./summary.ts";
import { WatchMemory } from "./watch_memory.ts";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

/** The inner update that comes next. */
export const NextUpdate = Schema.Struct({
  batch: Count,
  /** Inner updates that its batch has had; 0: the batch begins with it. */
  inner: Count,
  /** Mean reward by task in the inner update before it, where that was on the same batch. */
  scores: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
});
export type NextUpdate = typeof NextUpdate.Type;

/** A run's first update. */
export const FIRST_UPDATE: NextUpdate = { batch: 0, inner: 0 };

/** A solved answer; tokens as lists. */
const StoredSolution = Schema.Struct({
  task: Schema.String,
  text: Schema.String,
  ids: Schema.Array(Schema.Int),
  from: Count,
  mask: Schema.Array(Schema.Int),
  logProbs: Schema.Array(Schema.Finite),
});

const Lessons = Schema.Record(Schema.String, Schema.Array(Entry));

/** The counters of a run, `Totals` as data. */
const StoredTotals = Schema.Struct({
  updates: Count,
  interactions: Count,
  evaluationEpisodes: Count,
  parameters: Schema.String,
  modelCalls: ByPurpose,
  generatedTokens: ByPurpose,
  added: Count,
  removed: Schema.Record(Schema.String, Count),
  sizes: Schema.Record(Schema.String, Count),
  curve: Schema.Array(CurvePoint),
  diagnoses: Schema.Array(Diagnosis),
  schedule: Schema.Array(PhaseStart),
  probed: Schema.Array(Schema.Array(ProbeResult)),
});

/**
 * The state of the loop between two inner updates. Policy and playbook keep their own. There are no random streams in it:
 * every draw hashes the run's seed with what it is for.
 */
export const TrainState = Schema.Struct({
  next: NextUpdate,
  totals: StoredTotals,
  observed: Schema.Array(ObservedUpdate),
  brokenTasks: Schema.Array(Schema.String),
  solutions: Schema.Array(StoredSolution),
  /** Copies of playbooks for the student's prompts: the newest, and those of the present batch. */
  studentPlaybook: Schema.Struct({ copies: Lessons, shown: Lessons }),
  watch: WatchMemory,
  /** Seconds by phase, and in all, that the run has taken so far. */
  seconds: Schema.Record(Schema.String, Schema.Finite),
  wallSeconds: Schema.Finite,
});
export type TrainState = typeof TrainState.Type;

/** What a run holds at this moment. @param next where it would go on. @param wallSeconds since it began, in all processes. */
export const captureState = (
  { totals, observed, brokenTasks, buffer, studentPlaybook, journal }: RunState,
  next: NextUpdate,
  wallSeconds: number,
): TrainState => {
  const { endedBy: _, sizes, ...counted } = totals;
  return {
    next,
    totals: { ...structuredClone(counted), sizes: Object.fromEntries(sizes) },
    observed: [...observed],
    brokenTasks: [...brokenTasks],
    solutions: buffer.entries().map(([task, { text, ids, from, mask, logProbs }]) => ({
      task,
      text,
      ids: [...ids],
      from,
      mask: [...mask],
      logProbs: [...logProbs],
    })),
    studentPlaybook: studentPlaybook.copies(),
    watch: journal.memory(),
    seconds: { ...journal.seconds() } as Record<Phase, number>,
    wallSeconds,
  };
};

/** The counters as they were. */
export const restoreTotals = (state: TrainState | undefined): Totals => {
  if (state === undefined) return makeTotals();
  const { sizes, ...counted } = state.totals;
  // Copied, because the loop writes into its counters.
  return { ...(structuredClone(counted) as Totals), sizes: new Map(Object.entries(sizes)) };
};

/** What the loop holds besides counters and journal, as it was. */
export const restoreMemory = (
  state: TrainState | undefined,
  studentPlaybookEvery: number | undefined,
): Pick<RunState, "buffer" | "studentPlaybook" | "observed" | "brokenTasks"> => ({
  buffer: makeSolutionBuffer(
    (state?.solutions ?? []).map(({ task, text, ids, from, mask, logProbs }) => [
      task,
      {
        text,
        ids: Int32Array.from(ids),
        from,
        mask: Uint8Array.from(mask),
        logProbs: Float32Array.from(logProbs),
      } satisfies Solution,
    ]),
  ),
  studentPlaybook: makeStudentPlaybook(studentPlaybookEvery, state?.studentPlaybook),
  observed: [...(state?.observed ?? [])],
  brokenTasks: new Set(state?.brokenTasks),
});
