import { assert, describe, it } from "@effect/vitest";
import { type HistoryLine, Playbook, type PlaybookShape, type View } from "@resd/core";
import { checkLaws, playbookLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, Layer, Stream } from "effect";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layer } from "./mod.ts";

/** Stores that are wrong in one way each, and the law that has to notice. */
const DEFECTS: ReadonlyArray<
  readonly [law: string, defect: string, spoil: (playbook: PlaybookShape) => Partial<PlaybookShape>]
> = [
  [
    "playbook.sequence.model",
    "tags count twice, when an id is named twice",
    (playbook) => ({
      tag: (key, tags, cause) =>
        Effect.forEach(tags, (tag) => playbook.tag(key, [tag], cause), { discard: true }),
    }),
  ],
  [
    "playbook.sequence.model",
    "staleness has a window that is one too wide",
    (playbook) => ({
      concise: (key, rule, seed, cause) =>
        playbook.concise(key, { ...rule, window: rule.window + 1 }, seed, cause),
    }),
  ],
  [
    "playbook.sequence.model",
    "the version stands still",
    (playbook) => ({
      view: (key) => Effect.map(playbook.view(key), (view) => ({ ...view, version: 0 })),
    }),
  ],
  [
    "playbook.sequence.model",
    "merging is left out",
    (playbook) => ({
      apply: (key, operations, cause) =>
        playbook.apply(
          key,
          operations.filter((operation) => operation._tag !== "Merge"),
          cause,
        ),
    }),
  ],
  [
    "playbook.history.cause",
    "the attempt is forgotten",
    (playbook) => ({
      apply: (key, operations, { update, by }) => playbook.apply(key, operations, { update, by }),
    }),
  ],
  [
    "playbook.sequence.model",
    "the history loses removals",
    (playbook) => ({
      history: (key) =>
        Stream.filter(playbook.history(key), (line) => line.change._tag !== "Removed"),
    }),
  ],
  [
    "playbook.sequence.model",
    "the history is always told from its beginning",
    (playbook) => ({ history: (key) => playbook.history(key) }),
  ],
  [
    "playbook.sequence.model",
    "a restore leaves the history as it is",
    (playbook) => {
      const lines = new Map<string, ReadonlyArray<HistoryLine>>();
      return {
        restore: (bytes) =>
          Effect.gen(function* () {
            for (const key of yield* playbook.keys) {
              lines.set(key, yield* Stream.runCollect(playbook.history(key)));
            }
            yield* playbook.restore(bytes);
          }),
        history: (key, after = 0) =>
          Stream.unwrap(
            Effect.map(Stream.runCollect(playbook.history(key)), (now) => {
              const kept = lines.get(key) ?? [];
              const all = kept.length > now.length ? kept : now;
              return Stream.fromIterable(all.slice(after));
            }),
          ),
      };
    },
  ],
  [
    "playbook.sequence.model",
    "imported credit is lost",
    (playbook) => ({
      apply: (key, operations, cause) =>
        playbook.apply(
          key,
          operations.map((operation) =>
            operation._tag === "Import"
              ? {
                  ...operation,
                  entries: operation.entries.map((entry) => ({ ...entry, helpful: 0 })),
                }
              : operation,
          ),
          cause,
        ),
    }),
  ],
  [
    "playbook.provenance",
    "a merge keeps the origins of its first entry alone",
    (playbook) => {
      const own = (view: View): View => ({
        ...view,
        entries: view.entries.map((entry) => ({
          ...entry,
          origins: (entry.origins ?? []).filter((origin) => origin.entry === entry.id),
        })),
      });
      return {
        apply: (key, operations, cause) => Effect.map(playbook.apply(key, operations, cause), own),
      };
    },
  ],
  [
    "playbook.provenance",
    "tags do not say which reflection they come from",
    (playbook) => ({
      tag: (key, tags, cause) => {
        const { reflection: _, ...rest } = cause;
        return playbook.tag(key, tags, rest);
      },
    }),
  ],
  [
    "playbook.concise.seeded",
    "ties are broken by something else than the seed",
    (playbook) => {
      let calls = 0;
      return {
        concise: (key, rule, seed, cause) => playbook.concise(key, rule, seed + calls++, cause),
      };
    },
  ],
  [
    "playbook.snapshot.restore",
    "a restore keeps what was there",
    () => ({ restore: () => Effect.void }),
  ],
  [
    "playbook.writers.concurrent",
    "reading and writing are two steps",
    (playbook) => ({
      apply: (key, operations, cause) =>
        Effect.flatMap(playbook.snapshot, (before) =>
          Effect.yieldNow.pipe(
            Effect.andThen(playbook.restore(before)),
            Effect.andThen(playbook.apply(key, operations, cause)),
          ),
        ),
    }),
  ],
];

describe("playbook-memory", () => {
  registerLaws(playbookLaws(layer({}), { sequences: 10_000 }), { timeoutMillis: 120_000 });

  it.effect("layer() refuses options that it does not have", () =>
    Effect.gen(function* () {
      const options = JSON.parse(`{"file": "x"}`);
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer(options))));
      assert.include(error.message, "playbook-memory");
    }),
  );
});

describe("playbook-memory with a file to begin with", () => {
  const folder = Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "playbook-memory-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true })),
  );
  const viewFrom = (from: string) =>
    Effect.flatMap(Playbook, (playbook) => playbook.view("global")).pipe(
      Effect.provide(layer({ from })),
    );

  it.effect("layer() begins with a text or a snapshot, and ids go on from there", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      const text = join(place, "lessons.txt");
      writeFileSync(text, "## OTHERS\n[misc-00007] helpful=2 harmful=1 :: Mind the carry.\n");
      const { entries } = yield* viewFrom(text);
      assert.deepStrictEqual(
        entries.map(({ id, helpful, harmful }) => [id, helpful, harmful]),
        [["misc-00007", 2, 1]],
      );
      const json = join(place, "lessons.json");
      yield* Effect.gen(function* () {
        const playbook = yield* Playbook;
        const add = { _tag: "Add", section: "others", text: "new" } as const;
        const view = yield* playbook.apply("global", [add], { update: 0, by: "curator" });
        assert.strictEqual(view.entries[1]?.id, "misc-00008");
        writeFileSync(json, yield* playbook.snapshot);
      }).pipe(Effect.provide(layer({ from: text })));
      assert.strictEqual((yield* viewFrom(json)).entries.length, 2);
    }),
  );

  it.effect("layer() says what is wrong with the file", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      writeFileSync(join(place, "diary.txt"), "Dear diary");
      for (const name of ["diary.txt", "missing.txt"]) {
        const error = yield* Effect.flip(viewFrom(join(place, name)));
        assert.include(error.message, name);
        assert.include(error.message, "Expected a file with playbooks to begin with");
      }
    }),
  );
});

describe("playbookLaws()", () => {
  it.effect.each(DEFECTS)("%s fails, when %s", ([id, , spoil]) =>
    Effect.gen(function* () {
      const spoiled = Layer.effect(
        Playbook,
        Effect.map(Playbook, (playbook) => ({ ...playbook, ...spoil(playbook) })),
      ).pipe(Layer.provide(layer({})));
      const results = yield* checkLaws(
        playbookLaws(spoiled, { sequences: 200 }).filter((law) => law.id === id),
      );
      assert.deepStrictEqual(
        results.map((result) => result.passed),
        [false],
      );
    }),
  );
});
