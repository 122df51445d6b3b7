/** A playbook that follows a script: the files that another run wrote about its own. */
import { type Entry, HistoryLine, Playbook, PlaybookError, View, decodeOptions } from "@resd/core";
import { encodeSnapshot } from "@resd/resd";
import { runFiles } from "@resd/run";
import { Effect, FileSystem, Layer, Schema, Stream } from "effect";

export const Options = Schema.Struct({
  /** Folder of the run whose playbook is shown. */
  run: Schema.NonEmptyString,
});

/** The only key that is known by update: playbooks per task advance when their tasks come. */
const KEY = "global";

const Step = Schema.fromJsonString(
  Schema.Struct({ update: Schema.Int, playbooks: Schema.Record(Schema.String, View) }),
);
const Line = Schema.fromJsonString(Schema.Struct({ update: Schema.Int, ...HistoryLine.fields }));

/** What was written about one playbook. */
interface Script {
  /** Entries after the updates at which they changed, in order. */
  readonly steps: ReadonlyArray<{
    readonly update: number;
    readonly entries: ReadonlyArray<Entry>;
  }>;
  readonly lines: ReadonlyArray<{ readonly update: number; readonly line: HistoryLine }>;
}

const readScript = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const files = runFiles(folder);
  const refuse = (file: string) => (error: { readonly message: string }) =>
    new PlaybookError({
      key: KEY,
      message: `Expected the folder of a run with a global playbook, got ${error.message}, at ${file}; name such a run as playbook.options.run`,
    });
  const names = yield* Effect.mapError(fs.readDirectory(files.playbook), refuse(files.playbook));
  const steps = yield* Effect.forEach(
    names.filter((name) => /^\d+\.json$/.test(name)).toSorted(),
    Effect.fnUntraced(function* (name) {
      const file = `${files.playbook}/${name}`;
      const read = yield* Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(Step)).pipe(
        Effect.mapError(refuse(file)),
      );
      return { update: read.update, entries: read.playbooks[KEY]?.entries ?? [] };
    }),
  );
  const text = yield* Effect.mapError(
    fs.readFileString(files.operations),
    refuse(files.operations),
  );
  const lines = yield* Effect.forEach(
    text.split("\n").filter((line) => line !== ""),
    (written) =>
      Schema.decodeEffect(Line)(written).pipe(
        Effect.map(({ update, ...line }) => ({ update, line })),
        Effect.mapError(refuse(files.operations)),
      ),
  );
  return { steps, lines: lines.filter(({ line }) => line.key === KEY) } satisfies Script;
});

/** A playbook that turns one page at every update. Changes are taken without effect; restoring is refused. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Playbook,
    Effect.gen(function* () {
      const { run } = yield* decodeOptions("playbook-replay", Options, options);
      const script = yield* readScript(run);
      let updates = 0;
      const entriesNow = () =>
        script.steps.findLast(({ update }) => update <= updates)?.entries ?? [];
      const viewNow = (): View => ({
        version: updates,
        updateCount: updates,
        entries: entriesNow(),
      });
      const only = <A>(key: string, value: () => A): Effect.Effect<A, PlaybookError> =>
        key === KEY
          ? Effect.sync(value)
          : Effect.fail(
              new PlaybookError({
                key,
                message: `Expected the playbook of all tasks, got that of ${key}, at the playbook of ${run}; set resd.playbook to global`,
              }),
            );
      return Playbook.of({
        view: (key) => only(key, viewNow),
        apply: (key) => only(key, viewNow),
        tag: (key) => only(key, () => {}),
        concise: (key) => only(key, () => []),
        advance: (key) => only(key, () => void updates++),
        history: (key, after = 0) =>
          Stream.unwrap(
            only(key, () =>
              Stream.fromIterable(
                script.lines
                  .filter(({ update }) => update <= updates)
                  .slice(after)
                  .map(({ line }) => line),
              ),
            ),
          ),
        keys: Effect.sync(() => (updates === 0 ? [] : [KEY])),
        snapshot: Effect.sync(() => {
          const { entries, ...counters } = viewNow();
          const numbers = entries.map(({ id }) => Number(/-(\d+)$/.exec(id)?.[1] ?? 0));
          const nextId = Math.max(0, ...numbers) + 1;
          return encodeSnapshot(new Map([[KEY, { entries, nextId, ...counters }]]));
        }),
        restore: () =>
          Effect.fail(
            new PlaybookError({
              key: KEY,
              message: `Expected a playbook that can be restored, got the recorded one of ${run}; use memory or sqlite`,
            }),
          ),
      });
    }),
  );
