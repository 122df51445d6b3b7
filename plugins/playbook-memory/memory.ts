/** Playbooks in a Map: the smallest store there is, and the fastest. */
import { type HistoryLine, Playbook, PlaybookError, decodeOptions } from "@resd/core";
import {
  type PlaybookState,
  emptyState,
  historyLines,
  playbookOver,
  readPlaybooks,
} from "@resd/resd";
import { Effect, Layer, Schema, Stream } from "effect";
import { readFileSync } from "node:fs";

export const Options = Schema.Struct({
  /** A file to begin with: a snapshot, or text in the form of ACE. It is read once and never written. */
  from: Schema.optionalKey(Schema.NonEmptyString),
});

/** The playbooks of a file. */
const readFrom = Effect.fnUntraced(function* (file: string) {
  const failed = (detail: string) =>
    new PlaybookError({
      key: "*",
      message: `Expected a file with playbooks to begin with, got: ${detail}, at ${file}; choose another \`from\``,
    });
  const text = yield* Effect.try({
    try: () => readFileSync(file, "utf8"),
    catch: (cause) => failed(cause instanceof Error ? cause.message : String(cause)),
  });
  return yield* Effect.mapError(readPlaybooks(text), ({ message }) => failed(message));
});

/** One playbook. Its lines are only ever appended to; each knows the version that it led to. */
interface Kept {
  readonly state: PlaybookState;
  readonly lines: Array<{ readonly version: number; readonly line: HistoryLine }>;
}

/** Playbooks that live as long as the layer. Snapshots carry them over to another process. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Playbook,
    Effect.gen(function* () {
      const { from } = yield* decodeOptions("playbook-memory", Options, options);
      const playbooks = new Map<string, Kept>();
      for (const [key, state] of from === undefined ? [] : yield* readFrom(from)) {
        playbooks.set(key, { state, lines: [] });
      }
      return playbookOver({
        read: (key) => Effect.sync(() => playbooks.get(key)?.state ?? emptyState),
        // One synchronous step, so no other fiber can come in between.
        write: (key, cause, step) =>
          Effect.sync(() => {
            const { state, lines } = playbooks.get(key) ?? { state: emptyState, lines: [] };
            const made = step(state);
            if (made.changes.length === 0) return made;
            const { version } = made.state;
            for (const line of historyLines(key, cause, made)) lines.push({ version, line });
            playbooks.set(key, { state: made.state, lines });
            return made;
          }),
        history: (key, after) =>
          Stream.suspend(() =>
            Stream.fromIterable(
              (playbooks.get(key)?.lines ?? []).slice(after).map(({ line }) => line),
            ),
          ),
        readAll: Effect.sync(() => new Map([...playbooks].map(([key, { state }]) => [key, state]))),
        replaceAll: (states) =>
          Effect.sync(() => {
            const before = new Map(playbooks);
            playbooks.clear();
            for (const [key, state] of states) {
              const lines = before.get(key)?.lines ?? [];
              const kept = lines.filter(({ version }) => version <= state.version);
              playbooks.set(key, { state, lines: kept });
            }
          }),
      });
    }),
  );
