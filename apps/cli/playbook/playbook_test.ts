/** The verbs of `resd playbook` on places as runs leave them. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { type HistoryLine, Playbook } from "@resd/core";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { Console, Effect, FileSystem, Option, Stream } from "effect";
import { prepareIn, runServices, scriptedPolicy, scriptedRun } from "../_scripted_run.ts";
import { diff } from "./diff.ts";
import { edit } from "./edit.ts";
import { exportPlaybook } from "./export.ts";
import { importPlaybook } from "./import.ts";
import { show } from "./show.ts";
import { readSource } from "./source.ts";

/** What a verb prints. */
const printed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const lines: Array<string> = [];
    const quiet = {
      ...globalThis.console,
      log: (...said: ReadonlyArray<unknown>) => void lines.push(said.join(" ")),
      error: () => undefined,
    };
    yield* Effect.provideService(effect, Console.Console, quiet);
    return lines.join("\n");
  });
const none = Option.none();
const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped());
const noEdits = {
  key: none,
  add: [],
  set: [],
  drop: [],
  join: [],
  near: none,
  text: none,
  json: false,
};

/** A run of six updates that believes one lesson. */
const finishedRun = Effect.gen(function* () {
  const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy()));
  yield* conduct;
  return files.folder;
});

layer(runServices, { timeout: 60_000 })("resd playbook", (it) => {
  it.effect("show tells the lessons of a run, and of one what made and credited it", () =>
    Effect.gen(function* () {
      const run = yield* finishedRun;
      const whole = { source: run, key: none, at: none, entry: none, json: false };
      const all = yield* printed(show(whole));
      assert.match(all, /^1 entries of global in/);
      assert.match(all, /misc-00001 +\+\d+ −\d+ +double is PEF/);
      const one = yield* printed(show({ ...whole, entry: Option.some("misc-00001") }));
      assert.match(
        one,
        /added as misc-00001 in update 1 by curator, attempt [0-9a-f]{32}, reflection [0-9a-f]{32}, operation 0 of version 1/,
      );
      assert.match(one, /reflection {2}10: square PEF 4 8 did double bad insight double is PEF/);
      const json = JSON.parse(yield* printed(show({ ...whole, json: true })));
      assert.strictEqual(json.entries[0].origins[0].by, "curator");
      const gone = yield* Effect.flip(show({ ...whole, entry: Option.some("misc-00009") }));
      assert.include(gone.message, "none with the id misc-00009");
      const before = yield* printed(show({ ...whole, at: Option.some(0) }));
      assert.match(before, /^0 entries/);
    }).pipe(Effect.scoped),
  );

  it.effect("export, import, edit and diff carry lessons over and say what became of them", () =>
    Effect.gen(function* () {
      const run = yield* finishedRun;
      const place = yield* folder;
      const [text, json, store] = ["l.txt", "l.json", "l.sqlite"].map((name) => join(place, name));
      const out = { source: run, key: none, at: none };
      yield* exportPlaybook({ ...out, as: "text", out: Option.some(text!) });
      yield* exportPlaybook({ ...out, as: "json", out: Option.some(json!) });
      assert.match(
        readFileSync(text!, "utf8"),
        /## OTHERS\n\[misc-00001\] helpful=\d+ harmful=\d+ :: double is PEF\n$/,
      );

      for (const [from, origins] of [
        [text!, ["imported", "imported"]],
        [json!, ["added", "imported"]],
      ] as const) {
        const into = join(place, `${origins[0]}.json`);
        const said = yield* printed(importPlaybook({ source: from, into, key: none, json: false }));
        assert.include(said, "1 entries of");
        const entry = (yield* readSource(into)).playbooks.get("global")?.entries[0];
        assert(entry !== undefined);
        assert.strictEqual(entry.id, "misc-00001");
        assert.deepStrictEqual(
          entry.origins?.map(({ made }) => made),
          [...origins],
        );
      }
      yield* printed(importPlaybook({ source: json!, into: store!, key: none, json: false }));
      const again = yield* printed(
        importPlaybook({ source: json!, into: store!, key: none, json: false }),
      );
      assert.include(again, "1 have new ids");

      const edited = yield* printed(
        edit({
          ...noEdits,
          store: store!,
          add: ["OTHERS: Mind the carry: always."],
          set: ["misc-00001=double is PEF, surely"],
          drop: ["misc-00002"],
        }),
      );
      assert.strictEqual(
        edited,
        "- misc-00002  double is PEF\n+ misc-00003  Mind the carry: always.\n~ misc-00001  double is PEF, surely",
      );
      const near = yield* printed(
        edit({
          ...noEdits,
          store: store!,
          add: ["OTHERS: Mind the carry, always!"],
          near: Option.some(0.9),
        }),
      );
      assert.strictEqual(near, "Nothing changed.");
      const lines: ReadonlyArray<HistoryLine> = yield* Effect.flatMap(Playbook, (playbook) =>
        Stream.runCollect(playbook.history("global")),
      ).pipe(Effect.provide(sqlite({ file: store! })));
      assert.deepStrictEqual(
        lines.map(({ change, cause }) => `${change._tag} by ${cause.by}`),
        [
          "Added by person",
          "Added by person",
          "Added by person",
          "Updated by person",
          "Removed by person",
          "Added by person",
          "Updated by duplicates",
          "Removed by duplicates",
        ],
      );

      const compare = {
        before: run,
        after: Option.some(store!),
        key: none,
        from: none,
        to: none,
        json: false,
      };
      const difference = yield* printed(diff(compare));
      assert.include(difference, "2 came, 1 left, 0 reworded, 0 credited, 0 as they were");
      const steps = yield* printed(
        diff({ ...compare, after: none, from: Option.some(0), to: Option.some(1) }),
      );
      assert.include(steps, "1 came, 0 left");
    }).pipe(Effect.scoped),
  );

  it.effect(
    "edit takes the whole text, and refuses ids that are not there and counts that nobody earned",
    () =>
      Effect.gen(function* () {
        const place = yield* folder;
        const store = join(place, "l.json");
        const text = join(place, "l.txt");
        yield* printed(edit({ ...noEdits, store, add: ["OTHERS: one", "OTHERS: two"] }));
        writeFileSync(
          text,
          "## OTHERS\n[misc-00002] helpful=0 harmful=0 :: two, better\n[x] helpful=0 harmful=0 :: three\n",
        );
        const said = yield* printed(edit({ ...noEdits, store, text: Option.some(text) }));
        assert.strictEqual(
          said,
          "- misc-00001  one\n+ misc-00003  three\n~ misc-00002  two, better",
        );
        const failures: ReadonlyArray<readonly [Partial<Parameters<typeof edit>[0]>, string]> = [
          [{ drop: ["misc-00099"] }, "Expected ids of entries, got misc-00099"],
          [{ set: ["nonsense"] }, "--set"],
          [{ join: ["misc-00002,=x"] }, "got "],
          [{}, "got no flag and no editor"],
          [{ store: join(place, "typo.sqlite"), drop: ["x"] }, "got nothing, at"],
          [{ text: Option.some(join(place, "typo.txt")) }, "no such file"],
          [{ store: place, drop: ["x"] }, "got a folder"],
          [{ store: join(place, "x.txt"), drop: ["x"] }, "to change, got"],
        ];
        for (const [input, message] of failures) {
          const error = yield* Effect.flip(edit({ ...noEdits, store, ...input }));
          assert.include(error.message, message);
        }
        writeFileSync(text, "## OTHERS\n[misc-00002] helpful=9 harmful=0 :: two, better\n");
        const counts = yield* Effect.flip(edit({ ...noEdits, store, text: Option.some(text) }));
        assert.include(counts.message, "Expected counts and section of misc-00002 as they are");
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  );

  it.effect("edit opens EDITOR, and loses neither lessons nor words when a line is broken", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      const store = join(place, "l.sqlite");
      yield* printed(edit({ ...noEdits, store, add: ["OTHERS: one", "OTHERS: two"] }));
      const before = yield* readSource(store);
      /** An editor that replaces words. */
      const editor = (from: string, to: string, status = 0) =>
        `"${process.execPath}" -e 'const fs = require("node:fs"); const file = process.argv.at(-1);` +
        ` fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("${from}", "${to}"));` +
        ` process.exit(${status})' --`;
      const edited = (program: string) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const { isTTY } = process.stdin;
            const was = process.env["VISUAL"];
            process.stdin.isTTY = true;
            process.env["VISUAL"] = program;
            return { isTTY, was };
          }),
          () => printed(edit({ ...noEdits, store })),
          ({ isTTY, was }) =>
            Effect.sync(() => {
              process.stdin.isTTY = isTTY;
              delete process.env["VISUAL"];
              if (was !== undefined) process.env["VISUAL"] = was;
            }),
        );
      const refusals = [
        [editor(":: one", ": one"), /line 14: Expected "\[<id>\] helpful=/],
        [editor("misc-00002", "misc-00001"), /Expected every id once, got misc-00001 again/],
        [editor("## OTHERS", "## OTHER"), /Expected one of the sections/],
        [editor("helpful=0", "helpful=5"), /Expected counts and section of misc-00001/],
        [editor(":: one", ":: uno", 3), /got status 3/],
      ] as const;
      for (const [program, expected] of refusals) {
        const { message } = yield* Effect.flip(edited(program));
        assert.match(message, expected);
        const kept = /what you wrote is in (.+): correct it/.exec(message)?.[1] ?? "";
        assert.include(readFileSync(kept, "utf8"), "two");
        rmSync(dirname(kept), { recursive: true });
      }
      assert.deepStrictEqual((yield* readSource(store)).playbooks, before.playbooks);
      assert.strictEqual(yield* edited(editor(":: one", ":: uno")), "~ misc-00001  uno");
      const said = yield* printed(
        show({ source: store, key: none, at: none, entry: Option.some("misc-00001"), json: false }),
      );
      assert.match(said, /updated as misc-00001 .* by person.*\n +before +one/);
    }).pipe(Effect.scoped),
  );

  it.effect("import says which lines of a text it has passed over", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      const [text, into] = [join(place, "ace.txt"), join(place, "l.json")];
      writeFileSync(
        text,
        "## FINANCE\n[fin-00007] helpful=3 harmful=0 :: kept\n- a stray line\n[fin-00007] helpful=0 harmful=0 :: again\n",
      );
      const warnings: Array<string> = [];
      const listening = {
        ...globalThis.console,
        log: () => undefined,
        error: (line: string) => void warnings.push(line),
      };
      yield* Effect.provideService(
        importPlaybook({ source: text, into, key: none, json: false }),
        Console.Console,
        listening,
      );
      assert.deepStrictEqual(
        (yield* readSource(into)).playbooks
          .get("global")
          ?.entries.map(({ id, section, helpful }) => [id, section, helpful]),
        [["fin-00007", "OTHERS", 3]],
      );
      for (const part of [
        "3 lines",
        "line 1: Expected one of the sections",
        "line 3: Expected",
        "line 4: Expected every id once",
      ]) {
        assert.include(warnings.join("\n"), part);
      }
    }).pipe(Effect.scoped),
  );

  it.effect("readSource() says what it expected of places that hold no playbook", () =>
    Effect.gen(function* () {
      const place = yield* folder;
      const text = join(place, "notes.txt");
      writeFileSync(text, "Dear diary");
      const messages = [
        [`${place}/nothing`, "got nothing"],
        [place, "Expected the folder of a run"],
        [text, "Expected a playbook as JSON or as text"],
      ] as const;
      for (const [path, message] of messages) {
        assert.include((yield* Effect.flip(readSource(path))).message, message);
      }
      const [broken, foreign] = [join(place, "broken.sqlite"), join(place, "foreign.sqlite")];
      writeFileSync(broken, `SQLite format 3\0${"?".repeat(9000)}`);
      const database = new DatabaseSync(foreign);
      database.exec("CREATE TABLE notes (text)");
      database.close();
      const bytes = readFileSync(foreign);
      for (const [file, message] of [
        [broken, "got file is not a database"],
        [foreign, "got a database without playbooks"],
      ] as const) {
        assert.include((yield* Effect.flip(readSource(file))).message, message);
      }
      assert.deepStrictEqual(readFileSync(foreign), bytes);
      writeFileSync(text, "## OTHERS\n");
      assert.include((yield* Effect.flip(readSource(text, 3))).message, "of one moment");
    }).pipe(Effect.scoped),
  );
});
