/** Someone who reads the run's events as any listener would, and says when nothing is learned or the policy collapses. */
import type { ProbeResult, RunEvent } from "@resd/core";
import { Effect } from "effect";
import { diagnose } from "./detect/diagnose.ts";
import { forgotten } from "./detect/forgetting.ts";
import {
  type Cause,
  type Diagnosis,
  type Finding,
  STANDING_STILL,
  kindOf,
} from "./detect/finding.ts";
import type { UpdateRow } from "./detect/history.ts";
import type { Journal } from "./journal.ts";
import type { CurvePoint } from "./summary.ts";
import { NOTHING_SEEN, type WatchMemory } from "./watch_memory.ts";

/** A journal that is read as it is written. */
export interface WatchedJournal extends Journal {
  /** What has been seen so far, for a checkpoint. */
  readonly memory: () => WatchMemory;
}

/** What a run is trained by for a while, where that changes: the metric `phase`, if there is one. */
const phaseOf = ({ metrics }: UpdateRow): string => String(metrics["phase"] ?? "");

/**
 * A journal that adds a warning to the events where something is wrong: each cause at most once in a phase of the run, with
 * the cause as its code. What it found is added to `diagnoses`, which also say when it was gone again.
 */
export const watched = (
  journal: Journal,
  diagnoses: Array<Diagnosis>,
  from: WatchMemory = NOTHING_SEEN,
): WatchedJournal => {
  let updates: Array<UpdateRow> = [...from.updates];
  let evaluations: Array<CurvePoint> = [...from.evaluations];
  let planned: number | undefined;
  /** Where in `diagnoses` the causes of this phase are. */
  const named = new Map<Cause, number>(from.named);
  const probed: Array<ReadonlyArray<ProbeResult>> = [...from.probed];

  const name = Effect.fnUntraced(function* (update: number, findings: ReadonlyArray<Finding>) {
    for (const { cause, message } of findings) {
      if (named.has(cause)) continue;
      named.set(cause, diagnoses.length);
      diagnoses.push({ kind: kindOf(cause), cause, update, message });
      yield* journal.emit({
        _tag: "Warned",
        update: Math.max(0, update - 1),
        code: cause,
        message,
      });
    }
  });

  /** Says of the causes of this phase whether they still hold. */
  const review = (update: number, findings: ReadonlyArray<Finding>): void => {
    for (const [cause, place] of named) {
      const { resolved, ...diagnosis } = diagnoses[place]!;
      const holds = findings.some((finding) => finding.cause === cause);
      const hidden = STANDING_STILL.includes(cause) && findings.length > 0;
      if (holds) diagnoses[place] = diagnosis;
      else if (!hidden) diagnoses[place] = { ...diagnosis, resolved: resolved ?? update };
    }
  };

  const look = Effect.fnUntraced(function* (update: number) {
    const findings = diagnose({
      updates,
      evaluations,
      ...(planned === undefined ? {} : { planned }),
    });
    yield* name(update, findings);
    review(update, findings);
  });

  return {
    ...journal,
    memory: () => ({
      updates: [...updates],
      evaluations: [...evaluations],
      named: [...named],
      probed: [...probed],
    }),
    emit: Effect.fnUntraced(function* (event: RunEvent) {
      yield* journal.emit(event);
      switch (event._tag) {
        case "Started":
          planned = event.updates;
          return;
        case "Updated": {
          const row = { update: event.update + 1, metrics: event.metrics };
          const last = updates.at(-1);
          if (last !== undefined && phaseOf(last) !== phaseOf(row)) {
            updates = [];
            evaluations = evaluations.slice(-1);
            named.clear();
          }
          updates.push(row);
          return yield* look(row.update);
        }
        case "Evaluated": {
          const { _tag: _, scores: _scores, seconds: _seconds, ...point } = event;
          evaluations.push(point);
          return yield* look(event.update);
        }
        case "Probed": {
          probed.push(event.results);
          const [before, after] = probed;
          if (after !== undefined) yield* name(event.update, forgotten(before!, after));
          return;
        }
        default:
          return;
      }
    }),
  };
};
