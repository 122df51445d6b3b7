import { type Entry, type StepResult, makeRandom } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeWorld } from "./_world.ts";
import { compactFormat } from "./format/compact.ts";
import { type Teaching, dropName, planTeacherContext, wantedSections } from "./teacher_context.ts";

const entry = (n: number, changes: Partial<Entry> = {}): Entry => ({
  id: `misc-${String(n).padStart(5, "0")}`,
  section: "OTHERS",
  text: `lesson ${n}`,
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
  ...changes,
});

const failure = (got: string): StepResult => ({
  observation: [],
  status: "terminated",
  reward: 0,
  success: false,
  tests: [{ id: "1", visibility: "public", status: "failed", input: "x", actual: got }],
  parse: "ok",
});

const teaching = (changes: Partial<Teaching> = {}): Teaching => ({
  conversation: [{ role: "user", content: "say it" }],
  playbook: [entry(1, { helpful: 1 }), entry(2), entry(3, { harmful: 1 })],
  attempt: "no",
  results: [failure("no")],
  reflection: "because",
  solution: "yes",
  ...changes,
});

const plan = (what: Teaching, budget: number) => {
  const world = makeWorld();
  return Effect.map(Effect.provide(planTeacherContext(what, budget), world.layer), (context) => ({
    context,
    world,
  }));
};
const full = teaching();
const FULL_LENGTH = 3 + 1 + 6 + 2 + 1 + 4 + 2 + 2 + 1;

describe("planTeacherContext", () => {
  it.effect("planTeacherContext() shows everything in playbook order, when there is room", () =>
    Effect.gen(function* () {
      const { context, world } = yield* plan(full, FULL_LENGTH);
      assert(context._tag === "Fits");
      assert.strictEqual(
        world.textOf(context.ids),
        "<task> say it <pb> lesson 1 lesson 2 lesson 3 <try> no <fb> test x got no <ref> because <sol> yes <prog>",
      );
      assert.strictEqual(context.ids.length, FULL_LENGTH);
      assert.deepEqual(context.dropped, []);
      assert.deepEqual(context.sizes, {
        task: 4,
        playbook: 6,
        attempt: 1,
        feedback: 4,
        reflection: 1,
        solution: 1,
      });
    }),
  );

  it.effect(
    "planTeacherContext() gives up whole entries first, then attempt, feedback, reflection, solution",
    () =>
      Effect.gen(function* () {
        const dropped = (budget: number) =>
          Effect.map(plan(full, budget), ({ context }) => {
            assert(context._tag === "Fits");
            return context.dropped.map((drop) => ("entry" in drop ? drop.entry : drop.section));
          });
        const order = [
          "misc-00003",
          "misc-00002",
          "misc-00001",
          "attempt",
          "feedback",
          "reflection",
          "solution",
        ];
        assert.deepEqual(yield* dropped(FULL_LENGTH - 1), order.slice(0, 1));
        assert.deepEqual(yield* dropped(FULL_LENGTH - 3), order.slice(0, 2));
        assert.deepEqual(yield* dropped(FULL_LENGTH - 5), order.slice(0, 3));
        assert.deepEqual(yield* dropped(14), order.slice(0, 4));
        assert.deepEqual(yield* dropped(12), order.slice(0, 5));
        assert.deepEqual(yield* dropped(7), order.slice(0, 6));
        assert.deepEqual(yield* dropped(5), order);
      }),
  );

  it.effect("planTeacherContext() keeps the lessons that the task is about, among equals", () =>
    Effect.gen(function* () {
      const playbook = ["spell it", "say it", "sing loud", "say low"].map((text, i) =>
        entry(i, { text, helpful: 1 }),
      );
      const { context } = yield* plan(teaching({ playbook }), FULL_LENGTH - 2);
      assert(context._tag === "Fits");
      assert.deepEqual(
        context.sections.playbook.map(({ text }) => text),
        ["say it", "say low"],
      );
      assert.deepEqual(context.dropped.map(dropName), [
        "playbook misc-00000",
        "playbook misc-00002",
      ]);
    }),
  );

  it.effect(
    "planTeacherContext() overflows with the size of every section, when not even the task has room",
    () =>
      Effect.gen(function* () {
        const { context } = yield* plan(full, 3);
        assert(context._tag === "Overflow");
        assert.strictEqual(context.budget, 3);
        assert.strictEqual(context.sizes.task, 4);
        assert.strictEqual(context.sizes.playbook, 6);
      }),
  );

  it.effect(
    "planTeacherContext() drops the feedback of earlier turns before that of the last",
    () =>
      Effect.gen(function* () {
        const turns = teaching({
          playbook: [],
          results: [failure("one"), failure("two"), failure("three")],
        });
        const { context } = yield* plan(turns, 4 + 2 + 5 + 2 + 2);
        assert(context._tag === "Fits");
        assert.strictEqual(context.sections.feedback, "test x got three");
        assert.deepEqual(context.dropped, [
          { section: "feedback", turn: 0 },
          { section: "feedback", turn: 1 },
        ]);
      }),
  );

  it.effect(
    "planTeacherContext() never exceeds its budget, never touches the task and never halves a section",
    () =>
      Effect.gen(function* () {
        const random = makeRandom("teacher context");
        const words = (most: number) =>
          Array.from({ length: random.int(most) }, () => random.pick(["ah", "be", "cu"])).join(" ");
        for (let round = 0; round < 300; round++) {
          const what = teaching({
            conversation: [{ role: "user", content: `say ${words(8)}` }],
            playbook: Array.from({ length: random.int(12) }, (_, i) =>
              entry(i, {
                text: `${i} ${words(5)}`.trim(),
                helpful: random.int(3),
                harmful: random.int(3),
                lastTaggedAt: random.int(9),
              }),
            ),
            attempt: words(10),
            results: Array.from({ length: random.int(4) }, () => failure(words(6))),
            reflection: words(12),
            solution: words(10),
          });
          const budget = random.int(80);
          const { context, world } = yield* plan(what, budget);
          const task = world.encode(compactFormat.teacher(what.conversation, { playbook: [] }));
          if (context._tag === "Overflow") {
            assert.isAbove(task.length, budget);
            continue;
          }
          const text = world.textOf(context.ids);
          assert.isAtMost(context.ids.length, budget, text);
          const first = what.conversation[0]!.content.trim();
          assert.isTrue(text.startsWith(`<task> ${first}`) && text.endsWith("<prog>"), text);
          const wanted = wantedSections(what, compactFormat);
          for (const name of ["attempt", "reflection", "solution"] as const) {
            assert.include([undefined, wanted[name]], context.sections[name]);
          }
          assert.isTrue(context.sections.playbook.every((one) => what.playbook.includes(one)));
          // One thing less given up would not have fitted.
          if (context.dropped.length > 0) {
            const { context: tight } = yield* plan(what, context.ids.length - 1);
            if (tight._tag === "Fits") {
              assert.isAtLeast(tight.dropped.length, context.dropped.length);
            }
          }
        }
      }),
  );
});
