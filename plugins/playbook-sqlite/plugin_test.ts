import { assert, describe, it } from "@effect/vitest";
import { Playbook, type PlaybookShape } from "@resd/core";
import { playbookLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Context, Effect, Layer, Stream } from "effect";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { layer } from "./mod.ts";

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "playbook-sqlite-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
);
const withFile = <A, E>(file: string, use: (playbook: PlaybookShape) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.flatMap(Layer.build(layer({ file })), (context) => use(Context.get(context, Playbook))),
  );

/** Another process that adds a lesson to the playbook `global` and tags it. */
const elsewhere = (file: string) => {
  const program = `
    import { Playbook } from "@resd/core";
    import { Effect } from "effect";
    import { layer } from "./mod.ts";
    const cause = { update: 5, by: "curator", attempt: "a" };
    await Effect.runPromise(Effect.gen(function* () {
      const playbook = yield* Playbook;
      yield* playbook.apply("global", [{ _tag: "Add", section: "others", text: "square is ROK" }], cause);
      yield* playbook.tag("global", [{ entry: "misc-00001", sign: "helpful" }], cause);
      yield* playbook.advance("global", cause);
    }).pipe(Effect.provide(layer({ file: process.argv[1] }))));`;
  execFileSync(process.execPath, ["--input-type=module", "-e", program, file], {
    cwd: import.meta.dirname,
    stdio: "pipe",
  });
};

describe("playbook-sqlite", () => {
  registerLaws(playbookLaws(layer({ file: ":memory:" }), { sequences: 100 }));

  it.effect("layer() finds what another process wrote, history and ids included", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "new", "folders", "playbook.sqlite");
      elsewhere(file);
      elsewhere(file);
      yield* withFile(file, (playbook) =>
        Effect.gen(function* () {
          const view = yield* playbook.view("global");
          assert.strictEqual(view.updateCount, 2);
          assert.deepStrictEqual(
            view.entries.map(({ id, helpful, createdAt }) => [id, helpful, createdAt]),
            [
              ["misc-00001", 2, 0],
              ["misc-00002", 0, 1],
            ],
          );
          const lines = yield* Stream.runCollect(playbook.history("global"));
          assert.deepStrictEqual(
            [...lines].map(({ change }) => change._tag),
            ["Added", "Tagged", "Advanced", "Added", "Tagged", "Advanced"],
          );
        }),
      );
    }),
  );

  it.effect("the history can be queried with SQL, by entry and by reason", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "playbook.sqlite");
      yield* withFile(file, (playbook) =>
        Effect.gen(function* () {
          const cause = { update: 2, by: "curator", attempt: "x" } as const;
          yield* playbook.apply("k", [{ _tag: "Add", section: "", text: "a" }], cause);
          yield* playbook.concise("k", { method: "reset", window: 1 }, 0, {
            update: 3,
            by: "concise",
          });
        }),
      );
      const database = new DatabaseSync(file, { readOnly: true });
      const rows = database
        .prepare(
          `SELECT "update", "by", kind, entry, json_extract(change, '$.reason') AS reason
           FROM playbook_history WHERE key = 'k' ORDER BY line`,
        )
        .all();
      database.close();
      assert.deepStrictEqual(
        rows.map((row) => Object.values(row)),
        [
          [2, "curator", "Added", "gene-00001", null],
          [3, "concise", "Removed", "gene-00001", "reset"],
        ],
      );
    }),
  );

  it.effect("a snapshot of one file restores into another, beside a long history", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      const bytes = yield* withFile(join(place, "a.sqlite"), (playbook) =>
        Effect.gen(function* () {
          const operations = Array.from({ length: 700 }, (_, i) => ({
            _tag: "Add" as const,
            section: i % 2 === 0 ? "others" : "general",
            text: `lesson ${i}`,
          }));
          yield* playbook.apply("k", operations, { update: 0, by: "person" });
          const lines = yield* Stream.runCollect(playbook.history("k"));
          assert.strictEqual([...lines].length, 700);
          return yield* playbook.snapshot;
        }),
      );
      yield* withFile(join(place, "b.sqlite"), (playbook) =>
        Effect.gen(function* () {
          yield* playbook.restore(bytes);
          const view = yield* playbook.view("k");
          assert.strictEqual(view.entries.length, 700);
          assert.strictEqual(view.entries[0]?.text, "lesson 1");
          assert.deepStrictEqual(yield* playbook.snapshot, bytes);
        }),
      );
    }),
  );

  it.effect("layer() says which file is not usable, and why", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "notes.txt");
      writeFileSync(file, "this is no database, only a long enough text file".repeat(20));
      const notDatabase = yield* Effect.flip(withFile(file, () => Effect.void));
      assert.strictEqual(notDatabase._tag, "PlaybookError");
      assert.include(notDatabase.message, file);
      assert.include(notDatabase.message, "not a database");
      const below = yield* Effect.flip(withFile(join(file, "x.sqlite"), () => Effect.void));
      assert.strictEqual(below._tag, "PlaybookError");
      const options = yield* Effect.flip(withFile("", () => Effect.void));
      assert.strictEqual(options._tag, "PluginOptionsError");
    }),
  );
});
