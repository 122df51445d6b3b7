/** What every store of playbooks promises. */
import { type Cause, type ConciseRule, Playbook } from "@resd/core";
import { Context, Effect, Layer } from "effect";
import { type Law, demand, law } from "./law.ts";
import { reading } from "./playbook/model.ts";
import { sequenceLaws } from "./playbook/sequence_laws.ts";
import { type WithStore, add, causeAt, historyOf, snapshotLaws } from "./playbook/snapshot_laws.ts";

/** How much is tried. */
export interface PlaybookLawSettings {
  /** Random sequences of changes that are compared with a plain model; 1000 if absent. */
  readonly sequences?: number;
  /** Names the sequences; 0 if absent. */
  readonly seed?: number;
}

/**
 * The laws of the playbook seam. Each builds its own store from the layer and closes it.
 *
 * @example
 * ```ts
 * describe("playbook-memory", () => registerLaws(playbookLaws(layer({}))));
 * ```
 */
export const playbookLaws = <E, R>(
  layer: Layer.Layer<Playbook, E, R>,
  settings: PlaybookLawSettings = {},
): ReadonlyArray<Law<R>> => {
  const { sequences = 1000, seed = 0 } = settings;
  const withStore: WithStore<E, R> = (use) =>
    Effect.scoped(
      Effect.flatMap(Layer.build(Layer.fresh(layer)), (context) =>
        use(Context.get(context, Playbook)),
      ),
    );
  return [
    law(
      "playbook.view.unknown-key",
      "an unknown key reads as an empty playbook, and reading does not make it known",
      withStore((playbook) =>
        Effect.gen(function* () {
          const view = yield* playbook.view("nobody");
          yield* demand(
            view.version === 0 && reading(view) === "updateCount 0",
            "an empty view of version 0",
            view,
            "return emptyView for keys that were never written",
          );
          yield* playbook.tag("nobody", [{ entry: "misc-00001", sign: "helpful" }], causeAt(0));
          const keys = yield* playbook.keys;
          yield* demand(keys.length === 0, "no keys", keys, "only changes make a key known");
        }),
      ),
    ),
    ...sequenceLaws(withStore, sequences, seed),
    law(
      "playbook.history.cause",
      "every change is in the history of its key with its cause, and a call that changes nothing is not",
      withStore((playbook) =>
        Effect.gen(function* () {
          const cause: Cause = { update: 3, by: "person", attempt: "x", reflection: "r" };
          yield* playbook.apply("k", [add("one"), add("two")], cause);
          yield* playbook.tag("k", [{ entry: "none-00001", sign: "helpful" }], causeAt(4));
          yield* playbook.apply("k", [], causeAt(5));
          yield* playbook.concise("k", { method: "reset", window: 0 }, 1, causeAt(6, "concise"));
          yield* playbook.advance("other", causeAt(7));
          const lines = yield* historyOf(playbook, "k");
          const told = lines.map(
            ({ key, version, cause: why, change }) =>
              `${key} ${change._tag} ${why.update} ${why.by} ${why.attempt ?? "-"} ${why.reflection ?? "-"} ${version}`,
          );
          const expected = [
            "k Added 3 person x r 1",
            "k Added 3 person x r 1",
            "k Removed 6 concise - - 2",
            "k Removed 6 concise - - 2",
          ];
          yield* demand(
            told.join() === expected.join(),
            expected.join(", "),
            told,
            "see the causes",
          );
          const reasons = lines.flatMap(({ change }) =>
            change._tag === "Removed" ? [change.reason] : [],
          );
          yield* demand(
            reasons.join() === "reset,reset",
            "the reason of each removal",
            reasons,
            "keep the reason that the concise pass gave",
          );
        }),
      ),
    ),
    law(
      "playbook.provenance",
      "every entry tells what made it, a merged one also what made the others, and its history who credited it",
      withStore((playbook) =>
        Effect.gen(function* () {
          const because = (attempt: string): Cause => ({ ...causeAt(1), attempt, reflection: "r" });
          yield* playbook.apply("k", [add("one"), add("two")], because("a"));
          yield* playbook.apply("k", [add("three")], because("b"));
          const tags = ["misc-00003", "misc-00002"].map((entry) => ({
            entry,
            sign: "helpful" as const,
          }));
          yield* playbook.tag("k", tags, because("c"));
          const merge = {
            _tag: "Merge",
            entries: ["misc-00002", "misc-00003"],
            text: "two and three",
          } as const;
          const { entries } = yield* playbook.apply("k", [merge], because("d"));
          const told = entries.map(({ id, helpful, origins = [] }) =>
            [
              `${id} +${helpful}`,
              ...origins.map((origin) =>
                [origin.made, origin.entry, origin.attempt, origin.version, origin.operation].join(
                  " ",
                ),
              ),
            ].join(", "),
          );
          const expected = [
            "misc-00001 +0, added misc-00001 a 1 0",
            "misc-00002 +2, added misc-00002 a 1 1, added misc-00003 b 2 0, merged misc-00002 d 4 0",
          ];
          yield* demand(
            told.join("; ") === expected.join("; "),
            expected.join("; "),
            told,
            "apply operations with applyOperations of @resd/resd, and keep `origins`",
          );
          const credit = (yield* historyOf(playbook, "k")).flatMap(({ cause, change }) =>
            change._tag === "Tagged"
              ? [`${change.tag.entry} ${cause.attempt} ${cause.reflection} ${change.operation}`]
              : [],
          );
          yield* demand(
            credit.toSorted().join("; ") === "misc-00002 c r 1; misc-00003 c r 0",
            "who credited what",
            credit,
            "keep the whole cause, and the place of each tag",
          );
        }),
      ),
    ),
    law(
      "playbook.ids.never-reused",
      "no id is given twice, not even after everything was dropped",
      withStore((playbook) =>
        Effect.gen(function* () {
          const seen = new Set<string>();
          for (let round = 0; round < 5; round++) {
            const view = yield* playbook.apply("k", [add("x"), add("y")], causeAt(round));
            for (const { id } of view.entries) {
              yield* demand(!seen.has(id), "a new id", id, "keep counting when entries leave");
              seen.add(id);
            }
            yield* playbook.concise("k", { method: "reset", window: 0 }, 0, causeAt(round));
          }
        }),
      ),
    ),
    law(
      "playbook.writers.concurrent",
      "concurrent writers lose nothing",
      withStore((playbook) =>
        Effect.gen(function* () {
          const writers = Array.from({ length: 40 }, (_, i) => i);
          yield* Effect.forEach(
            writers,
            (i) => playbook.apply("k", [add(`lesson ${i}`)], causeAt(i)),
            { concurrency: "unbounded" },
          );
          yield* Effect.forEach(
            writers,
            (i) => playbook.tag("k", [{ entry: "misc-00001", sign: "helpful" }], causeAt(i)),
            { concurrency: "unbounded" },
          );
          const { entries } = yield* playbook.view("k");
          const texts = new Set(entries.map((entry) => entry.text));
          const ids = new Set(entries.map((entry) => entry.id));
          const helpful = entries.find((entry) => entry.id === "misc-00001")?.helpful;
          yield* demand(
            texts.size === 40 && ids.size === 40 && helpful === 40,
            "40 lessons, 40 ids and 40 helpful tags",
            [texts.size, ids.size, helpful],
            "read, change and write in one step that nothing can come into",
          );
        }),
      ),
    ),
    ...snapshotLaws(withStore),
    law(
      "playbook.concise.seeded",
      "equal seeds break ties in the same way",
      withStore((playbook) =>
        Effect.gen(function* () {
          const rule: ConciseRule = { method: "staleness", window: 9, cap: 3 };
          const outcomes = yield* Effect.forEach(["x", "y"], (key) =>
            Effect.gen(function* () {
              yield* playbook.apply(
                key,
                Array.from({ length: 12 }, (_, i) => add(`${i}`)),
                causeAt(0),
              );
              const removals = yield* playbook.concise(key, rule, 42, causeAt(0));
              return removals.map(({ entry }) => entry.id).join();
            }),
          );
          yield* demand(
            outcomes[0] === outcomes[1],
            "the same removals",
            outcomes,
            "draw from the seed alone",
          );
        }),
      ),
    ),
    law(
      "playbook.text.odd",
      "keys and lessons may be any text, and lessons end up on one line",
      withStore((playbook) =>
        Effect.gen(function* () {
          const keys = ["", " ", "__proto__", 'it\'s "quoted"', "日本\n", "k".repeat(2000)];
          for (const key of keys) {
            const lesson = `${key}\r\n${"'; DROP TABLE playbook; --"}\u2028<|im_end|> \ud800`;
            yield* playbook.apply(key, [add(lesson)], causeAt(0));
          }
          for (const key of keys) {
            const { entries } = yield* playbook.view(key);
            const text = entries[0]?.text ?? "";
            yield* demand(
              entries.length === 1 && text.isWellFormed() && !/[\r\n\u2028]/.test(text),
              `one lesson on one line at the key ${JSON.stringify(key)}`,
              entries,
              "apply operations with applyOperations of @resd/resd",
            );
          }
          const known = yield* playbook.keys;
          yield* demand(
            known.length === keys.length && keys.every((key) => known.includes(key)),
            "every key",
            known,
            "keys are opaque",
          );
        }),
      ),
    ),
  ];
};
