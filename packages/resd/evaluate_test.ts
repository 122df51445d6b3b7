import { Environment, EnvironmentInfraError } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { attemptAt } from "./_attempt.ts";
import { makeWorld, smallConfig } from "./_world.ts";
import { brokenTask } from "./_world_environment.ts";
import { evaluate, heldOutTasks, scores } from "./evaluate.ts";
import type { Rollout } from "./rollout_request.ts";

const rollout = (key: string, sample: number, success: boolean, fraction: number): Rollout => ({
  row: { key, task: 0, problem: "" },
  prompt: [],
  attempt: attemptAt(key, { sample, success, fraction, mask: Uint8Array.of(1, 1, 0, 1) }),
});

describe("scores", () => {
  it("scores() averages over tasks: mean@k, passed share, and best@k as the plain maximum", () => {
    const measured = scores(
      [
        rollout("a", 0, true, 1),
        rollout("a", 1, false, 0.5),
        rollout("a", 2, false, 0),
        rollout("a", 3, false, 0),
        rollout("b", 0, false, 0.25),
        rollout("b", 1, false, 0.25),
        rollout("b", 2, false, 0.25),
        rollout("b", 3, false, 0.25),
      ],
      4,
    );
    assert.deepEqual(measured, {
      perTask: 0.125,
      perTest: (0.375 + 0.25) / 2,
      bestOfK: 0.5,
      k: 4,
      tasks: 2,
      meanTokens: 3,
    });
  });

  it("scores() leaves out attempts that could not be graded, so a down server is no failure of the policy", () => {
    const ungraded = { reason: "none:environment-error", message: "", brokenTask: false } as const;
    const measured = scores(
      [rollout("a", 0, true, 1), { ...rollout("a", 1, false, 0), ungraded }],
      2,
    );
    assert.include(measured, { perTask: 1, tasks: 1 });
  });
});

describe("heldOutTasks", () => {
  it.effect("heldOutTasks() takes the first so many tasks and tells which are broken", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        heldOut: 4,
        failing: (at, key) => (at === "get" && key === "heldOut1" ? brokenTask(key) : undefined),
      });
      const of = (tasks: number | "all") =>
        Effect.provide(
          heldOutTasks(
            smallConfig({ evaluation: { every: 1, tasks, samples: 1, teacher: false } }),
          ),
          world.layer,
        );
      assert.deepEqual(
        (yield* of("all")).rows.map((row) => row.key),
        ["heldOut0", "heldOut2", "heldOut3"],
      );
      const three = yield* of(3);
      assert.deepEqual(
        three.rows.map((row) => row.key),
        ["heldOut0", "heldOut2"],
      );
      assert.deepEqual(three.dropped, [{ task: "heldOut1", reason: "Task heldOut1 is broken" }]);
    }),
  );

  it.effect("heldOutTasks() fails when there is nothing to measure", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.provide(heldOutTasks(smallConfig()), makeWorld({ heldOut: 0 }).layer),
      );
      assert.match(error.message, /at least one held-out task/);
    }),
  );
});

describe("evaluate", () => {
  it.effect("evaluate() fails with the first reason, when no attempt could be graded", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        failing: (at) =>
          at === "open"
            ? new EnvironmentInfraError({ message: "down", retryable: false })
            : undefined,
      });
      const error = yield* Effect.gen(function* () {
        const row = yield* (yield* Environment).tasks("heldOut").get(0);
        return yield* Effect.flip(evaluate(smallConfig(), 7, [row], "student", () => []));
      }).pipe(Effect.provide(world.layer));
      assert.match(error.message, /got none; the first failed with: down/);
    }),
  );
});
