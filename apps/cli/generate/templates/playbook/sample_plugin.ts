/** A store of playbooks. What a playbook does is `playbookOver`; put the place where yours are kept where the Map is. */
import { type HistoryLine, Playbook, decodeOptions } from "@resd/core";
import { type PlaybookState, emptyState, playbookOver } from "@resd/resd";
import { Effect, Layer, Schema, Stream } from "effect";

export const Options = Schema.Struct({});

/** A playbook with its history; each line remembers the version that it made. */
interface Kept {
  readonly state: PlaybookState;
  readonly lines: ReadonlyArray<{ readonly version: number; readonly line: HistoryLine }>;
}
const empty: Kept = { state: emptyState, lines: [] };

export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Playbook,
    Effect.gen(function* () {
      yield* decodeOptions("playbook-sample-plugin", Options, options);
      const kept = new Map<string, Kept>();
      const of = (key: string): Kept => kept.get(key) ?? empty;
      return playbookOver({
        read: (key) => Effect.sync(() => of(key).state),
        // One synchronous step: no other fiber can write in between.
        write: (key, cause, step) =>
          Effect.sync(() => {
            const { state, lines } = of(key);
            const made = step(state);
            const { version } = made.state;
            const added = made.changes.map((change) => ({ version, line: { key, cause, change } }));
            if (added.length > 0) kept.set(key, { state: made.state, lines: [...lines, ...added] });
            return made;
          }),
        history: (key) =>
          Stream.suspend(() => Stream.fromIterable(of(key).lines.map(({ line }) => line))),
        readAll: Effect.sync(() => new Map([...kept].map(([key, { state }]) => [key, state]))),
        replaceAll: (playbooks) =>
          Effect.sync(() => {
            const before = new Map(kept);
            kept.clear();
            for (const [key, state] of playbooks) {
              const lines = before.get(key)?.lines ?? [];
              kept.set(key, {
                state,
                lines: lines.filter(({ version }) => version <= state.version),
              });
            }
          }),
      });
    }),
  );
