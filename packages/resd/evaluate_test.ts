import { Environment, EnvironmentInfraError } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeWorld, smallConfig } from "./_world.ts";
import { brokenTask } from "./_world_environment.ts";
import { evaluate, heldOutTasks } from "./evaluate.ts";

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
