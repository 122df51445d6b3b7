import { assert, describe, it } from "@effect/vitest";
import { Format, Policy, RunSeed, makeRandom } from "@resd/core";
import {
  type PlaybookState,
  applyOperations,
  compactFormat,
  emptyState,
  presets,
} from "@resd/resd";
import { makeScriptedPolicy } from "@resd/testing";
import { Effect, Layer } from "effect";
import { wordTasks } from "./_word_tasks.ts";
import { measureLift, ranksAbove, tiersOf } from "./playbook_lift.ts";
import type { RecordedRun } from "./read_run.ts";
import { runFiles } from "./run_folder.ts";

const LESSONS = ["alpha is A", "beta is B", "gamma is G", "nothing here", "alpha is WRONG"];
const playbook: PlaybookState = applyOperations(
  emptyState,
  LESSONS.map((text) => ({ _tag: "Add", section: "others", text })),
).state;

/** Knows what its prompt says, and believes the last word of it. */
const policy = makeScriptedPolicy({
  replies: ({ prompt }) => {
    const [, task = ""] = /<task>(\w+)/.exec(prompt) ?? [];
    const told = [...prompt.matchAll(new RegExp(`${task} is (\\w+)`, "g"))].at(-1)?.[1];
    return told ?? "?";
  },
});

const recorded = {
  files: runFiles("runs/x"),
  model: "runs/x/model",
  config: {
    seed: 3,
    resd: {
      ...presets.kestrel,
      evaluation: { ...presets.kestrel.evaluation, tasks: "all", samples: 2 },
    },
  },
  playbooks: new Map([["global", playbook]]),
} as unknown as RecordedRun;

describe("measureLift", () => {
  it.effect("measureLift() tells what the playbook adds, and what each entry does in it", () =>
    Effect.gen(function* () {
      const lift = yield* measureLift(recorded, { entries: 10 });
      // Of alpha, beta, gamma and delta, beta and gamma are solved with the playbook.
      assert.strictEqual(lift.tasks, 32);
      assert.strictEqual(lift.without.value, 0);
      assert.strictEqual(lift.with.value, 0.5);
      assert.strictEqual(lift.lift.value, 0.5);
      assert.isAbove(lift.lift.low, 0);
      const byText = new Map(lift.entries.map(({ text, lift: { value } }) => [text, value]));
      assert.deepStrictEqual(
        LESSONS.map((text) => byText.get(text)),
        [0, 0.25, 0.25, 0, -0.25],
      );
      // An entry that changes nothing has an interval all the same, and overlaps with what may change nothing.
      const idle = lift.entries.find(({ text }) => text === "nothing here");
      assert.isAbove(idle!.lift.high, 0);
      assert.strictEqual(idle!.lift.high, -idle!.lift.low);
      assert.deepStrictEqual(lift.entries.map(({ text, above }) => `${text} ${above}`).toSorted(), [
        "alpha is A 1",
        "alpha is WRONG 0",
        "beta is B 3",
        "gamma is G 3",
        "nothing here 1",
      ]);
      assert.strictEqual((yield* measureLift(recorded, { entries: 0 })).entries.length, 0);
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          wordTasks({ alpha: "A", beta: "B", gamma: "G", delta: "D" }, 8),
          Layer.succeed(Policy, policy),
          Layer.succeed(Format, compactFormat),
          Layer.succeed(RunSeed, 3),
        ),
      ),
    ),
  );
});

describe("measureLift on few tasks", () => {
  it.effect("measureLift() is not sure of what all tasks agree on", () =>
    Effect.gen(function* () {
      const { lift } = yield* measureLift(recorded, { entries: 0 });
      assert.strictEqual(lift.value, 1);
      assert.strictEqual(lift.high, 1);
      assert.isBelow(lift.low, 0.9);
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          wordTasks({ beta: "B" }, 3),
          Layer.succeed(Policy, policy),
          Layer.succeed(Format, compactFormat),
          Layer.succeed(RunSeed, 3),
        ),
      ),
    ),
  );
});

describe("ranksAbove", () => {
  it("ranksAbove() counts intervals that lie wholly below, also where others bridge the gap", () => {
    const [low, bridge, high] = [
      { value: 0, low: -1, high: 1 },
      { value: 2, low: 0.5, high: 3.5 },
      { value: 4, low: 3, high: 5 },
    ];
    assert.deepEqual(ranksAbove([low!, bridge!, high!]), [0, 0, 1]);
    assert.deepEqual(tiersOf([low!, bridge!, high!]), [1, 1, 1]);
    assert.deepEqual(ranksAbove([]), []);
  });
});

describe("tiersOf", () => {
  const estimate = (low: number, high: number) => ({ value: (low + high) / 2, low, high });

  it("tiersOf() ranks intervals that lie apart, and no others", () => {
    assert.deepEqual(
      tiersOf([
        estimate(0, 1),
        estimate(4, 5),
        estimate(0.5, 2),
        estimate(1.9, 3),
        estimate(-2, -1),
      ]),
      [2, 1, 2, 2, 3],
    );
    assert.deepEqual(tiersOf([]), []);
    assert.deepEqual(tiersOf([estimate(0, 0), estimate(0, 0)]), [1, 1]);
  });

  it("tiersOf() puts no two overlapping intervals into different tiers", () => {
    const random = makeRandom("tiers");
    for (let round = 0; round < 300; round++) {
      const estimates = Array.from({ length: 1 + random.int(12) }, () => {
        const low = random.next() * 10;
        return estimate(low, low + random.next() * 2);
      });
      const tiers = tiersOf(estimates);
      for (const [i, a] of estimates.entries()) {
        for (const [j, b] of estimates.entries()) {
          if (a.low <= b.high && b.low <= a.high) assert.strictEqual(tiers[i], tiers[j]);
          else if (a.low > b.high) assert.isAtMost(tiers[i]!, tiers[j]!);
        }
      }
    }
  });
});
