import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { type Entry, Playbook } from "@resd/core";
import { decodeSnapshot } from "@resd/resd";
import { Effect, FileSystem, Layer, Stream } from "effect";
import { layer } from "./mod.ts";

const entry = (number: number, text: string, helpful = 0): Entry => ({
  id: `sai-0000${number}`,
  section: "STRATEGIES & INSIGHTS",
  text,
  helpful,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
});

const cause = { update: 0, by: "curator" } as const;

const line = (update: number, version: number, added: Entry) =>
  JSON.stringify({
    update,
    key: "global",
    version,
    cause,
    change: { _tag: "Added", entry: added },
  });

/** A run that learned something in its first update, and something more in its third. */
const record = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  yield* fs.makeDirectory(`${folder}/playbook`);
  const write = (update: number, entries: ReadonlyArray<Entry>) =>
    fs.writeFileString(
      `${folder}/playbook/00000${update}.json`,
      JSON.stringify({
        update,
        playbooks: { global: { version: 7 * update, updateCount: update, entries } },
      }),
    );
  yield* write(1, [entry(1, "double is PEF")]);
  yield* write(3, [entry(1, "double is PEF", 2), entry(2, "add is MIP")]);
  const lines = [line(1, 1, entry(1, "double is PEF")), line(3, 20, entry(2, "add is MIP"))];
  yield* fs.writeFileString(`${folder}/playbook/ops.jsonl`, `${lines.join("\n")}\n`);
  return folder;
});

const withReplay = <A, E>(use: (playbook: Playbook["Service"]) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const run = yield* record;
    return yield* Effect.flatMap(Playbook, use).pipe(Effect.provide(layer({ run })));
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer));

const texts = (playbook: Playbook["Service"]) =>
  Effect.map(playbook.view("global"), ({ entries }) => entries.map(({ text }) => text));

describe("playbook-replay", () => {
  it.effect("view() is what the recorded run had after as many updates", () =>
    withReplay((playbook) =>
      Effect.gen(function* () {
        const seen: Array<ReadonlyArray<string>> = [];
        for (let update = 0; update < 5; update++) {
          seen.push(yield* texts(playbook));
          yield* playbook.advance("global", cause);
        }
        const [one, two] = ["double is PEF", "add is MIP"];
        assert.deepStrictEqual(seen, [[], [one], [one], [one, two], [one, two]]);
        assert.strictEqual((yield* playbook.view("global")).updateCount, 5);
      }),
    ),
  );

  it.effect("apply(), tag() and concise() change nothing", () =>
    withReplay((playbook) =>
      Effect.gen(function* () {
        yield* playbook.advance("global", cause);
        const before = yield* playbook.view("global");
        const added = yield* playbook.apply(
          "global",
          [{ _tag: "Add", section: "OTHERS", text: "something else" }],
          cause,
        );
        yield* playbook.tag("global", [{ entry: "sai-00001", sign: "harmful" }], cause);
        const removed = yield* playbook.concise("global", { method: "reset", window: 1 }, 1, cause);
        assert.deepStrictEqual(added, before);
        assert.deepStrictEqual(removed, []);
        assert.deepStrictEqual(yield* playbook.view("global"), before);
      }),
    ),
  );

  it.effect("history() comes with the updates, and snapshot() can be restored elsewhere", () =>
    withReplay((playbook) =>
      Effect.gen(function* () {
        const count = (after: number) => Stream.runCount(playbook.history("global", after));
        assert.strictEqual(yield* count(0), 0);
        yield* playbook.advance("global", cause);
        assert.strictEqual(yield* count(0), 1);
        for (let i = 0; i < 2; i++) yield* playbook.advance("global", cause);
        assert.strictEqual(yield* count(1), 1);
        const state = (yield* decodeSnapshot(yield* playbook.snapshot)).get("global");
        assert.deepStrictEqual([state?.entries.length, state?.nextId], [2, 3]);
        assert.match((yield* Effect.flip(playbook.restore(new Uint8Array()))).message, /memory/);
      }),
    ),
  );

  it.effect("it refuses playbooks per task, and folders that are no runs", () =>
    Effect.gen(function* () {
      const error = yield* withReplay((playbook) => Effect.flip(playbook.view("task/1")));
      assert.match(error.message, /got that of task\/1, .* set resd\.playbook to global/);
      const missing = yield* Effect.flip(
        Playbook.pipe(
          Effect.provide(Layer.provide(layer({ run: "no/such/run" }), NodeServices.layer)),
        ),
      );
      assert.match(missing.message, /Expected the folder of a run .*no\/such\/run\/playbook/s);
    }),
  );
});
