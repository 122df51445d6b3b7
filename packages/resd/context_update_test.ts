import { type Attempt, type Reflection, type Tag, reflectionId } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { attemptAt } from "./_attempt.ts";
import { makeWorld, smallConfig } from "./_world.ts";
import type { WorldOptions } from "./_world_options.ts";
import type { ResdConfig } from "./config.ts";
import { updateContext } from "./context_update.ts";
import { inSilence } from "./journal.ts";

const seed = 7;
const cause = { update: 0, by: "person" } as const;
const failed = (key: string, sample = 0) => attemptAt(key, { sample });
const solved = (key: string, sample = 0) => attemptAt(key, { sample, success: true });

/** A world whose global playbook holds these lessons already, `misc-00001` on. */
const worldWith = (lessons: ReadonlyArray<string>, options: WorldOptions = {}) =>
  Effect.gen(function* () {
    const world = makeWorld(options);
    for (const text of lessons) {
      yield* world.playbook.apply("global", [{ _tag: "Add", section: "OTHERS", text }], cause);
    }
    world.log.length = 0;
    return world;
  });

const update = (
  world: ReturnType<typeof makeWorld>,
  attempts: ReadonlyArray<Attempt>,
  changes: Partial<ResdConfig> = {},
  at = 0,
) =>
  Effect.provide(
    updateContext(attempts, smallConfig(changes), seed, { update: at }, inSilence),
    world.layer,
  );

const reflection = (tags: ReadonlyArray<Tag>): Reflection => ({ text: "why", tags, parse: "ok" });

describe("updateContext", () => {
  it.effect(
    "updateContext() reflects, tags failures, credits successes after those counts, curates, advances",
    () =>
      Effect.gen(function* () {
        const world = yield* worldWith(["first", "second"], {
          reflect: ({ taskKey }) =>
            reflection([
              { entry: "misc-00001", sign: taskKey === "a" ? "helpful" : "harmful" },
              { entry: "misc-00002", sign: "neutral" },
            ]),
          credit: () => [{ entry: "misc-00002", sign: "helpful" }],
        });
        const result = yield* update(world, [failed("a"), solved("b"), failed("c")], {}, 5);
        assert.deepEqual(world.log, [
          "reflect on a c at 5 reading [first, second]",
          "tag misc-00001 helpful, misc-00002 neutral",
          "tag misc-00001 harmful, misc-00002 neutral",
          "credit b reading [1-1, 0-0]",
          "tag misc-00002 helpful",
          "curate a c reading [first, second]",
          "apply Add to global",
          "apply Add to global",
          "advance global",
        ]);
        const view = result.views.get("global")!;
        assert.deepEqual(
          view.entries.map((entry) => [entry.text, entry.helpful, entry.harmful]),
          [
            ["first", 1, 1],
            ["second", 1, 0],
            ["a is itself", 0, 0],
            ["c is itself", 0, 0],
          ],
        );
        assert.strictEqual(view.updateCount, 1);
        assert.deepEqual([...result.reflections.keys()], [failed("a").id, failed("c").id]);
        assert.deepEqual(
          [...result.curations.values()].map((curation) => curation.operations),
          [1, 1],
        );
        assert.deepEqual(result.use, {
          reflect: { modelCalls: 3, generatedTokens: 7 },
          curate: { modelCalls: 2, generatedTokens: 4 },
        });
      }),
  );

  it.effect("updateContext() only credits and advances, when there is no failure", () =>
    Effect.gen(function* () {
      const world = yield* worldWith(["one", "two"]);
      const config = { concise: { ...smallConfig().concise, cap: 1 } };
      const result = yield* update(world, [solved("a"), solved("b")], { ...config });
      assert.deepEqual(world.log, [
        "concise global staleness to 1",
        "credit a b reading [0-0]",
        "advance global",
      ]);
      assert.strictEqual(result.reflections.size, 0);
    }),
  );

  it.effect(
    "updateContext() credits no success, when success tagging is off or there is nothing to credit",
    () =>
      Effect.gen(function* () {
        const off = yield* worldWith(["one"]);
        yield* update(off, [solved("a")], { successTagging: false });
        assert.deepEqual(off.log, ["advance global"]);
        const empty = yield* worldWith([]);
        yield* update(empty, [solved("a")]);
        assert.deepEqual(empty.log, ["advance global"]);
      }),
  );

  it.effect(
    "updateContext() curates and credits one rollout per task but reflects on all, when it deduplicates",
    () =>
      Effect.gen(function* () {
        const batch = [failed("a"), failed("a", 1), solved("b"), solved("b", 1)];
        const world = yield* worldWith(["one"]);
        const result = yield* update(world, batch);
        assert.deepEqual(world.log, [
          "reflect on a a at 0 reading [one]",
          "credit b reading [0-0]",
          "curate a reading [one]",
          "apply Add to global",
          "advance global",
        ]);
        assert.strictEqual(result.reflections.size, 2);
        assert.deepEqual([...result.curations.keys()], [failed("a").id]);

        const all = yield* worldWith(["one"]);
        yield* update(all, batch, { deduplicate: false, dropExactDuplicates: false });
        assert.include(all.log, "credit b b reading [0-0]");
        assert.include(all.log, "curate a a reading [one]");
        assert.strictEqual((yield* all.playbook.view("global")).entries.length, 3);
      }),
  );

  it.effect(
    "updateContext() concises every so many updates, with the cap only when it is outgrown",
    () =>
      Effect.gen(function* () {
        const world = yield* worldWith(["one"]);
        const concise = { ...smallConfig().concise, every: 2, cap: 3 };
        for (let at = 0; at < 4; at++) {
          yield* update(world, [failed(`t${at}`)], { concise }, at);
        }
        assert.deepEqual(
          world.log.filter((line) => /^(concise|advance)/.test(line)),
          [
            "advance global",
            "advance global",
            "concise global staleness",
            "concise global staleness to 3", // after curation: four entries
            "advance global",
            "concise global staleness to 3",
            "advance global",
          ],
        );
      }),
  );

  it.effect(
    "updateContext() concises after curation only over the cap, and applies nothing of a reply that could not be read",
    () =>
      Effect.gen(function* () {
        const concise = { ...smallConfig().concise, cap: 2 };
        const grown = yield* worldWith(["one", "two"]);
        yield* update(grown, [failed("a")], { concise });
        assert.deepEqual(grown.log.slice(-3), [
          "apply Add to global",
          "concise global staleness to 2",
          "advance global",
        ]);

        const once = yield* worldWith(["one", "two"]);
        yield* update(once, [failed("a")], { concise: { ...concise, afterCuration: false } });
        assert.deepEqual(once.log.slice(-2), ["apply Add to global", "advance global"]);

        const unread = yield* worldWith(["one", "two", "three"], {
          curate: () => ({
            operations: [{ _tag: "Add", section: "", text: "x" }],
            parse: "malformed",
          }),
        });
        yield* update(unread, [failed("a")], {
          concise: { method: "prioritized", window: 1, cap: 3, afterCuration: true },
        });
        assert.deepEqual(unread.log.slice(-2), [
          "curate a reading [one, two, three]",
          "advance global",
        ]);
      }),
  );

  it.effect(
    "updateContext() leaves out exact duplicates and operations that the run does not allow",
    () =>
      Effect.gen(function* () {
        const options: WorldOptions = {
          curate: () => ({
            operations: [
              { _tag: "Add", section: "", text: "one" },
              { _tag: "Add", section: "", text: "new" },
              { _tag: "Delete", entry: "misc-00001" },
            ],
            parse: "repaired",
          }),
        };
        const strict = yield* worldWith(["one"], options);
        const result = yield* update(strict, [failed("a"), failed("b")]);
        const textsOf = (world: typeof strict) =>
          Effect.map(world.playbook.view("global"), (view) =>
            view.entries.map((entry) => entry.text).toSorted(),
          );
        assert.deepEqual(yield* textsOf(strict), ["new", "one"]);
        assert.deepEqual(
          [...result.curations.values()].map((curation) => curation.operations),
          [1, 0],
        );

        const loose = yield* worldWith(["one"], options);
        yield* update(loose, [failed("a"), failed("b")], {
          dropExactDuplicates: false,
          operations: ["Add", "Delete"],
        });
        assert.deepEqual(yield* textsOf(loose), ["new", "new", "one", "one"]);
      }),
  );

  it.effect("updateContext() keeps a playbook for each task, when playbooks are per task", () =>
    Effect.gen(function* () {
      const world = yield* worldWith([]);
      const result = yield* update(world, [failed("a"), failed("b"), failed("a", 1)], {
        playbook: "per-task",
      });
      assert.deepEqual(world.log, [
        "reflect on a a at 0 reading []",
        "reflect on b at 0 reading []",
        "curate a reading []",
        "apply Add to a",
        "curate b reading []",
        "apply Add to b",
        "advance a",
        "advance b",
      ]);
      assert.deepEqual(
        [...result.views].map(([key, view]) => [key, view.entries.map((entry) => entry.text)]),
        [
          ["a", ["a is itself"]],
          ["b", ["b is itself"]],
        ],
      );
    }),
  );

  it.effect("updateContext() reflects without tagging or curating, when there is no playbook", () =>
    Effect.gen(function* () {
      const world = yield* worldWith(["one"], {
        reflect: () => reflection([{ entry: "misc-00001", sign: "helpful" }]),
      });
      const result = yield* update(world, [failed("a"), solved("b")], { playbook: "none" });
      assert.deepEqual(world.log, ["reflect on a at 0 reading []"]);
      assert.strictEqual(result.views.size, 0);
      assert.strictEqual(result.reflections.size, 1);
    }),
  );

  it.effect(
    "updateContext() merges what curation adds with what says the same, and tells which reflection it followed",
    () =>
      Effect.gen(function* () {
        const old = "Check the carry of every digit before you round.";
        const world = yield* worldWith([old], {
          curate: ({ taskKey }) => ({
            parse: "ok",
            operations: [
              {
                _tag: "Add",
                section: "OTHERS",
                text:
                  taskKey === "a" ? "Check the carry of every digit before rounding." : "Sort it.",
              },
            ],
          }),
        });
        const attempts = [failed("a"), failed("b")];
        const result = yield* update(world, attempts, { nearDuplicates: { threshold: 0.6 } }, 3);
        assert.deepEqual(world.log.slice(-4), [
          "apply Add to global",
          "apply Add to global",
          "apply Merge to global",
          "advance global",
        ]);
        const entries = result.views.get("global")?.entries ?? [];
        assert.deepEqual(
          entries.map(({ id, text }) => [id, text]),
          [
            ["misc-00001", old],
            ["misc-00003", "Sort it."],
          ],
        );
        const [first = "", second = ""] = attempts.map(({ id }) => id);
        const named = reflectionId(first, result.reflections.get(first)!);
        assert.deepInclude(entries[0]?.origins?.[1], {
          entry: "misc-00002",
          made: "added",
          attempt: first,
          reflection: named,
          update: 3,
        });
        assert.deepInclude(entries[0]?.origins?.[2], { made: "merged", by: "duplicates" });
        assert.deepInclude(entries[1]?.origins?.[0], { attempt: second, by: "curator" });
      }),
  );

  it.effect("updateContext() asks nobody, when reflection is off", () =>
    Effect.gen(function* () {
      const world = yield* worldWith(["one"]);
      const result = yield* update(world, [failed("a"), solved("b")], { reflect: false });
      assert.deepEqual(world.log, []);
      assert.strictEqual(result.views.size, 0);
    }),
  );
});
