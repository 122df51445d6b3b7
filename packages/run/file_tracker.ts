/** The tracker that writes the run folder. What it writes is the truth; all other trackers are copies. */
import type { HistoryLine, RunEvent, Tracker, View } from "@resd/core";
import { Summary } from "@resd/resd";
import {
  Clock,
  Deferred,
  Effect,
  FileSystem,
  type PlatformError,
  Schema,
  type Scope,
} from "effect";
import { evaluationLine, probesLine, rolloutLine, scoresLines, updateLine } from "./event_lines.ts";
import { openLines, writeJson, writeLines } from "./files.ts";
import { type RunFiles, stepName } from "./run_folder.ts";

/** A tracker with what the end of a run needs to know. */
export interface FileTracker {
  readonly event: Tracker["Service"]["event"];
  /** What the loop had counted when it ended; absent before. */
  readonly ending: () => Summary | undefined;
  /** The newest reading of each playbook. */
  readonly views: ReadonlyMap<string, View>;
  /** Seconds since the run began, in all processes. */
  readonly sinceStart: Effect.Effect<number>;
  /** The first failure to write, if there was one. */
  readonly failure: () => PlatformError.PlatformError | undefined;
  /** Fails with it as soon as there is one. */
  readonly broken: Effect.Effect<never, PlatformError.PlatformError>;
}

const historyLine = (update: number, line: HistoryLine): string =>
  JSON.stringify({ update: update + 1, ...line });

/** A line of the log: seconds since the start, what happened. */
const logLine = (event: RunEvent): string | undefined => {
  switch (event._tag) {
    case "Started":
      return `${event.done === undefined ? "started" : `goes on after ${event.done} updates:`} ${event.name}, seed ${event.seed}, ${event.updates} updates ${JSON.stringify(event.facts)}`;
    case "Updated":
      return `update ${event.update + 1}: loss ${event.report.loss}, gradient norm ${event.report.gradNorm}`;
    case "Evaluated":
      return `evaluation after ${event.update} updates: student ${event.student.perTask}${event.teacher === undefined ? "" : `, teacher ${event.teacher.perTask}`}`;
    case "Probed":
      return `${event.results.length} probes after ${event.update} updates: ${Object.entries(
        event.abilities,
      )
        .map(([name, { value }]) => `${name} ${value}`)
        .join(", ")}`;
    case "Switched":
      return `phase ${event.to} after ${event.from}, from update ${event.update + 1} on, after ${event.interactions} interactions`;
    case "Warned":
      return `warning ${event.code} at update ${event.update + 1}: ${event.message}`;
    case "Ended":
      return `${event.outcome}${event.message === undefined ? "" : `: ${event.message}`}`;
    default:
      return undefined;
  }
};

/**
 * Opens the files of a run for its events. A failure to write is no failure of `event`; it is kept, `broken` tells it, and
 * nothing but the end is written from then on, so that the files have no holes.
 */
export const makeFileTracker = Effect.fn("makeFileTracker")(function* (
  files: RunFiles,
  /** Where a run goes on that was cut off. */
  from: { readonly sinceStart: number; readonly views: Readonly<Record<string, View>> } = {
    sinceStart: 0,
    views: {},
  },
): Effect.fn.Return<FileTracker, PlatformError.PlatformError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  const metrics = yield* openLines(files.metrics);
  const operations = yield* openLines(files.operations);
  const log = yield* openLines(files.log);
  const start = yield* Clock.monotonicTimeNanos;
  const sinceStart = Effect.map(
    Clock.monotonicTimeNanos,
    (now) => Math.round(Number(now - start) / 1e3 + from.sinceStart * 1e6) / 1e6,
  );

  const views = new Map<string, View>(Object.entries(from.views));
  const phases = new Map<string, number>();
  let changed = false;
  let ending: Summary | undefined;
  let failure: PlatformError.PlatformError | undefined;
  const broken = yield* Deferred.make<never, PlatformError.PlatformError>();

  const writePlaybooks = (update: number) =>
    Effect.suspend(() => {
      if (!changed) return Effect.void;
      changed = false;
      return writeJson(`${files.playbook}/${stepName(update + 1)}.json`, {
        update: update + 1,
        playbooks: Object.fromEntries(views),
      });
    });

  const write = Effect.fnUntraced(function* (event: RunEvent) {
    const seconds = yield* sinceStart;
    const told = logLine(event);
    if (told !== undefined) yield* log([`${seconds.toFixed(3)}s ${told}`]);
    switch (event._tag) {
      case "PhaseEnded":
        phases.set(event.phase, (phases.get(event.phase) ?? 0) + event.seconds);
        return;
      case "RolledOut":
        yield* writePlaybooks(event.update);
        return yield* writeLines(
          `${files.rollouts}/step-${stepName(event.update + 1)}.jsonl`,
          event.records.map((record) => rolloutLine(record, event.update)),
        );
      case "PlaybookChanged":
        if (event.lines[0] === undefined) return;
        views.set(event.lines[0].key, event.view);
        changed ||= event.lines.some((line) => line.change._tag !== "Advanced");
        return yield* operations(event.lines.map((line) => historyLine(event.update, line)));
      case "Updated": {
        const spent = Object.fromEntries(phases);
        phases.clear();
        return yield* metrics([
          JSON.stringify(updateLine(event, { ...spent, sinceStart: seconds })),
        ]);
      }
      case "Evaluated":
        phases.delete("evaluate");
        if (event.scores !== undefined) {
          yield* writeLines(
            `${files.evaluations}/step-${stepName(event.update)}.jsonl`,
            scoresLines(event),
          );
        }
        return yield* metrics([JSON.stringify(evaluationLine(event, seconds))]);
      case "Probed":
        yield* fs.makeDirectory(files.probes, { recursive: true });
        yield* writeLines(`${files.probes}/step-${stepName(event.update)}.jsonl`, event.results);
        return yield* metrics([JSON.stringify(probesLine(event, seconds))]);
      case "Ended":
        ending = Schema.decodeUnknownSync(Summary)(event.summary);
        // The whole summary follows when the model is saved; until then a crash leaves this one.
        return yield* writeJson(files.summary, { ...event.summary, outcome: event.outcome });
      default:
        return;
    }
  });

  return {
    event: (event) =>
      failure !== undefined && event._tag !== "Ended"
        ? Effect.void
        : write(event).pipe(
            Effect.provideService(FileSystem.FileSystem, fs),
            Effect.catch((error) => {
              failure ??= error;
              return Effect.asVoid(Deferred.fail(broken, failure));
            }),
          ),
    ending: () => ending,
    views,
    sinceStart,
    failure: () => failure,
    broken: Deferred.await(broken),
  };
});
