/** Someone who reads the run's events as any listener would, and says when nothing is learned or the policy collapses. */
import type { ProbeResult, RunEvent } from "@resd/core";
import { Effect } from "effect";
import { diagnose } from "./detect/diagnose.ts";
import { forgotten } from "./detect/forgetting.ts";
import { type Diagnosis, type Finding, kindOf } from "./detect/finding.ts";
import type { UpdateRow } from "./detect/history.ts";
import type { Journal } from "./journal.ts";
import type { CurvePoint } from "./summary.ts";

/** What a run is trained by for a while, where that changes: the metric `phase`, if there is one. */
const phaseOf = ({ metrics }: UpdateRow): string => String(metrics["phase"] ?? "");

/**
 * A journal that adds a warning to the events where something is wrong: each cause at most once in a phase of the run, with
 * the cause as its code. What it found is added to `diagnoses`.
 */
export const watched = (journal: Journal, diagnoses: Array<Diagnosis>): Journal => {
  let updates: Array<UpdateRow> = [];
  let evaluations: Array<CurvePoint> = [];
  const named = new Set<string>();
  const probed: Array<ReadonlyArray<ProbeResult>> = [];

  const name = Effect.fnUntraced(function* (update: number, findings: ReadonlyArray<Finding>) {
    for (const { cause, message } of findings) {
      if (named.has(cause)) continue;
      named.add(cause);
      diagnoses.push({ kind: kindOf(cause), cause, update, message });
      yield* journal.emit({
        _tag: "Warned",
        update: Math.max(0, update - 1),
        code: cause,
        message,
      });
    }
  });

  return {
    ...journal,
    emit: Effect.fnUntraced(function* (event: RunEvent) {
      yield* journal.emit(event);
      if (event._tag === "Updated") {
        const row = { update: event.update + 1, metrics: event.metrics };
        const last = updates.at(-1);
        if (last !== undefined && phaseOf(last) !== phaseOf(row)) {
          updates = [];
          evaluations = evaluations.slice(-1);
          named.clear();
        }
        updates.push(row);
        yield* name(row.update, diagnose({ updates, evaluations }));
      } else if (event._tag === "Evaluated") {
        const { _tag: _, scores: _scores, seconds: _seconds, ...point } = event;
        evaluations.push(point);
        yield* name(event.update, diagnose({ updates, evaluations }));
      } else if (event._tag === "Probed") {
        probed.push(event.results);
        const [before, after] = probed;
        if (after !== undefined) yield* name(event.update, forgotten(before!, after));
      }
    }),
  };
};
