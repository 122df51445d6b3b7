/** Reads what is new in the histories of the playbooks, so that every change of an update is reported once. */
import { type HistoryLine, Playbook, type PlaybookError } from "@resd/core";
import { Effect, Stream } from "effect";

/** A reader that has its place in every history. */
export interface PlaybookHistory {
  /** The lines of a playbook since the last call, or since the run began. */
  readonly unread: (key: string) => Effect.Effect<ReadonlyArray<HistoryLine>, PlaybookError>;
}

/** Starts behind everything that the store already holds: a playbook may be older than the run. */
export const followPlaybooks: Effect.Effect<PlaybookHistory, PlaybookError, Playbook> = Effect.gen(
  function* () {
    const playbook = yield* Playbook;
    const read = new Map<string, number>();
    for (const key of yield* playbook.keys) {
      read.set(key, yield* Stream.runCount(playbook.history(key)));
    }
    return {
      unread: Effect.fnUntraced(function* (key: string) {
        const seen = read.get(key) ?? 0;
        const lines = yield* Stream.runCollect(playbook.history(key, seen));
        read.set(key, seen + lines.length);
        return lines;
      }),
    };
  },
);
