/** Playbooks as bytes and back, and what all playbook laws are written with. */
import type { Cause, HistoryLine, Operation, PlaybookError, PlaybookShape } from "@resd/core";
import { Effect, Stream } from "effect";
import { type Law, demand, law } from "../law.ts";
import { reading } from "./model.ts";

export const causeAt = (update: number, by: Cause["by"] = "curator"): Cause => ({ update, by });
export const add = (text: string, section = "others"): Operation => ({
  _tag: "Add",
  section,
  text,
});

/** Lends a fresh store. */
export type WithStore<E, R> = <A, Failure>(
  use: (playbook: PlaybookShape) => Effect.Effect<A, Failure, R>,
) => Effect.Effect<A, E | Failure, R>;

/** All lines of a history. */
export const historyOf = (
  playbook: PlaybookShape,
  key: string,
  after?: number,
): Effect.Effect<ReadonlyArray<HistoryLine>, PlaybookError> =>
  Stream.runCollect(playbook.history(key, after));

/** Some playbooks with everything in them that a snapshot has to carry. */
const fill = Effect.fnUntraced(function* (playbook: PlaybookShape) {
  yield* playbook.apply("a", [add("one"), add("two", "general"), add("three")], causeAt(0));
  yield* playbook.advance("a", causeAt(0));
  yield* playbook.tag("a", [{ entry: "misc-00001", sign: "helpful" }], causeAt(1, "reflector"));
  yield* playbook.apply("a", [{ _tag: "Delete", entry: "misc-00003" }], causeAt(1));
  yield* playbook.advance("b", causeAt(1));
});
const readings = (playbook: PlaybookShape): Effect.Effect<string, PlaybookError> =>
  Effect.flatMap(playbook.keys, (keys) =>
    Effect.map(
      Effect.forEach(keys, (key) =>
        Effect.map(playbook.view(key), (view) => `${key} v${view.version} ${reading(view)}`),
      ),
      (texts) => texts.join("\n\n"),
    ),
  );

export const snapshotLaws = <E, R>(withStore: WithStore<E, R>): ReadonlyArray<Law<R>> => [
  law(
    "playbook.snapshot.restore",
    "a snapshot restores every playbook with its counters, in this store and in a fresh one",
    withStore((playbook) =>
      Effect.gen(function* () {
        yield* fill(playbook);
        const before = yield* readings(playbook);
        const bytes = yield* playbook.snapshot;
        yield* playbook.apply("a", [add("later")], causeAt(2));
        yield* playbook.advance("c", causeAt(2));
        yield* playbook.restore(bytes);
        const here = yield* readings(playbook);
        yield* demand(here === before, before, here, "restore replaces every playbook");
        const lines = yield* historyOf(playbook, "a");
        yield* demand(
          lines.length === 6,
          "the 6 changes up to the snapshot in the history",
          lines,
          "drop the lines of changes that the restore undid",
        );
        const { there, again, added } = yield* withStore((fresh) =>
          Effect.gen(function* () {
            yield* fresh.advance("old", causeAt(0));
            yield* fresh.restore(bytes);
            return {
              there: yield* readings(fresh),
              again: yield* fresh.snapshot,
              added: (yield* fresh.apply("a", [add("new")], causeAt(2))).entries.at(-1)?.id,
            };
          }),
        );
        yield* demand(there === before, before, there, "a snapshot holds all that a view shows");
        yield* demand(
          again.join() === bytes.join(),
          "the same bytes for the same playbooks",
          "other bytes",
          "encode snapshots with encodeSnapshot of @resd/resd",
        );
        yield* demand(
          added === "misc-00004",
          "misc-00004, the next id",
          added,
          "keep the next id in the snapshot",
        );
      }),
    ),
  ),
  law(
    "playbook.snapshot.refused",
    "bytes that are no snapshot are refused with a PlaybookError and change nothing",
    withStore((playbook) =>
      Effect.gen(function* () {
        yield* fill(playbook);
        const before = yield* readings(playbook);
        const whole = yield* playbook.snapshot;
        for (const bytes of [new Uint8Array(0), whole.subarray(0, whole.length >> 1)]) {
          const error = yield* Effect.flip(playbook.restore(bytes));
          yield* demand(error._tag === "PlaybookError", "a PlaybookError", error, "see restore");
        }
        const after = yield* readings(playbook);
        yield* demand(after === before, before, after, "decode before anything is replaced");
      }),
    ),
  ),
];
