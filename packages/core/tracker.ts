/** The run's event stream, and the seam of those who listen. metrics.jsonl is the truth, trackers are copies. */
import { Context, type Effect } from "effect";
import type { Attempt } from "./attempt.ts";
import type { Evaluation, TaskScores } from "./evaluation.ts";
import type { HistoryLine, Removal, View } from "./playbook.ts";
import type { SignalReason, UpdateReport } from "./policy.ts";
import type { AbilityScore, ProbeResult } from "./probe.ts";
import type { Reflection } from "./reflection.ts";

/** What a run is busy with; also the keys of `phases` in summary.json (seconds). */
export type Phase =
  | "load"
  | "rollout"
  | "grade"
  | "reflect"
  | "curate"
  | "score"
  | "update"
  | "evaluate"
  | "save";

/** One attempt with everything that was made of it: a line of the rollout files. */
export interface RolloutRecord {
  readonly attempt: Attempt;
  readonly feedback: string;
  readonly reflection?: Reflection;
  /** What the history of the playbook calls the reflection. */
  readonly reflectionId?: string;
  readonly curated?: { readonly operations: number; readonly text: string };
  readonly signal: SignalReason;
  /** Why it has no grade, as the environment or the loop said it; absent where it has one. */
  readonly ungraded?: string;
  /** The enriched prompt as text, as the teacher read it. */
  readonly teacherPrompt?: string;
  /** What had no room in it, in the order in which it was given up; absent when everything had. */
  readonly leftOut?: ReadonlyArray<string>;
  readonly studentPrompt: string;
  readonly playbookVersion: number;
  readonly weight: number;
}

/** `update` counts inner updates from 0; of `Evaluated` and `Probed` it is the number of updates done, 0 before training. */
export type RunEvent =
  | {
      readonly _tag: "Started";
      /** What the run is called. */
      readonly name: string;
      readonly seed: number;
      readonly updates: number;
      /** Inner updates that were made before, when a run goes on that was cut off. */
      readonly done?: number;
      readonly facts: Readonly<Record<string, string | number | boolean>>;
    }
  | {
      readonly _tag: "PhaseStarted";
      readonly update: number;
      readonly phase: Phase;
      readonly waitingFor?: string;
    }
  | {
      readonly _tag: "PhaseEnded";
      readonly update: number;
      readonly phase: Phase;
      readonly seconds: number;
      readonly tokens?: number;
    }
  | {
      readonly _tag: "RolledOut";
      readonly update: number;
      readonly records: ReadonlyArray<RolloutRecord>;
    }
  | {
      readonly _tag: "PlaybookChanged";
      readonly update: number;
      readonly lines: ReadonlyArray<HistoryLine>;
      readonly view: View;
      readonly removals: ReadonlyArray<Removal>;
    }
  | {
      readonly _tag: "Updated";
      readonly update: number;
      readonly report: UpdateReport;
      /** Flat metrics of the update; keys are documented where they are made (packages/resd/metrics.ts). */
      readonly metrics: Readonly<Record<string, number | string>>;
    }
  | {
      readonly _tag: "Evaluated";
      readonly update: number;
      readonly interactions: number;
      readonly student: Evaluation;
      /** Teacher weights with the current playbook in context; absent when not measured. */
      readonly teacher?: Evaluation;
      /** The student on the tasks that choose the best policy; absent when there are none. */
      readonly select?: Evaluation;
      /** What the evaluations are means of. */
      readonly scores?: Readonly<
        Partial<Record<"student" | "teacher" | "select", ReadonlyArray<TaskScores>>>
      >;
      readonly seconds: number;
    }
  | {
      /** What the student can do besides its tasks; before the first update and after the last. */
      readonly _tag: "Probed";
      readonly update: number;
      readonly results: ReadonlyArray<ProbeResult>;
      readonly abilities: Readonly<Record<string, AbilityScore>>;
      readonly seconds: number;
    }
  | {
      /** From this update on the run is in another phase of its schedule. */
      readonly _tag: "Switched";
      readonly update: number;
      readonly from: string;
      readonly to: string;
      readonly interactions: number;
    }
  | {
      readonly _tag: "Warned";
      readonly update: number;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly _tag: "Ended";
      readonly outcome: "finished" | "interrupted" | "failed";
      readonly message?: string;
      readonly summary: Readonly<Record<string, unknown>>;
    };

/** The listeners of a run. */
export class Tracker extends Context.Service<
  Tracker,
  {
    /** Called in order, one event at a time. A tracker never fails a run. */
    readonly event: (event: RunEvent) => Effect.Effect<void>;
  }
>()("@resd/core/Tracker") {}
