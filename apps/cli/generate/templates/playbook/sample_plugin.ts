/** A store of playbooks. What a playbook does is `playbookOver`; put the place where yours are kept into `load` and `save`. */
import { HistoryLine, Playbook, PlaybookError, decodeOptions } from "@resd/core";
import { PlaybookState, emptyState, historyLines, playbookOver } from "@resd/resd";
import { Effect, FileSystem, Layer, Schema, Semaphore, Stream } from "effect";

export const Options = Schema.Struct({ file: Schema.NonEmptyString });

/** A playbook with its history; each line knows the version that it led to. */
const Kept = Schema.Struct({
  key: Schema.String,
  state: PlaybookState,
  lines: Schema.Array(Schema.Struct({ version: Schema.Int, line: HistoryLine })),
});
type Kept = typeof Kept.Type;
const Contents = Schema.fromJsonString(Schema.Array(Kept));

export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Playbook,
    Effect.gen(function* () {
      const { file } = yield* decodeOptions("playbook-sample-plugin", Options, options);
      const fileSystem = yield* FileSystem.FileSystem;
      const writer = yield* Semaphore.make(1);
      const orFail = Effect.mapError((cause: Error) => {
        const message = `Expected playbooks in ${file}, got ${cause.message}; mend or move the file`;
        return new PlaybookError({ key: "*", message });
      });

      const load = Effect.gen(function* () {
        if (!(yield* fileSystem.exists(file))) return new Map<string, Kept>();
        const text = yield* fileSystem.readFileString(file);
        const all = yield* Schema.decodeEffect(Contents)(text);
        return new Map(all.map((kept) => [kept.key, kept]));
      }).pipe(orFail);
      // The rename makes a change whole: a reader finds the file before it or after it.
      const save = Effect.fnUntraced(function* (all: Iterable<Kept>) {
        const text = yield* Schema.encodeEffect(Contents)([...all]);
        yield* fileSystem.writeFileString(`${file}.new`, text);
        yield* fileSystem.rename(`${file}.new`, file);
      }, orFail);

      return playbookOver({
        read: (key) => Effect.map(load, (all) => all.get(key)?.state ?? emptyState),
        write: Effect.fnUntraced(function* (key, cause, step) {
          const all = yield* load;
          const { state, lines } = all.get(key) ?? { state: emptyState, lines: [] };
          const made = step(state);
          const { version } = made.state;
          const added = historyLines(key, cause, made).map((line) => ({ version, line }));
          all.set(key, { key, state: made.state, lines: [...lines, ...added] });
          if (added.length > 0) yield* save(all.values());
          return made;
        }, writer.withPermit),
        history: (key, after) =>
          Stream.fromIterableEffect(
            Effect.map(load, (all) =>
              (all.get(key)?.lines ?? []).slice(after).map(({ line }) => line),
            ),
          ),
        readAll: Effect.map(
          load,
          (all) => new Map([...all].map(([key, { state }]) => [key, state])),
        ),
        replaceAll: Effect.fnUntraced(function* (states) {
          const all = yield* load;
          const replaced = [...states].map(([key, state]) => {
            const lines = all.get(key)?.lines ?? [];
            return { key, state, lines: lines.filter(({ version }) => version <= state.version) };
          });
          yield* save(replaced);
        }, writer.withPermit),
      });
    }),
  );
