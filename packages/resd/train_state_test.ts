import type { RunEvent } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Clock, Effect, Fiber, Schema } from "effect";
import { learningConfig, makeLearningWorld } from "./_learning_world.ts";
import { train } from "./train.ts";
import { TrainState } from "./train_state.ts";
import type { DistillConfig } from "./variants.ts";

const UPDATES = 9;
const BILLION = 1_000_000_000n;

/** Everything that the loop carries on takes part: early ends of batches, copies for the student, a schedule, near and old lessons. */
const config: DistillConfig = {
  ...learningConfig,
  updates: UPDATES,
  updatesPerBatch: 3,
  earlyStop: { minUpdates: 2, threshold: 0.5 },
  studentPlaybook: { every: 2 },
  evaluation: { ...learningConfig.evaluation, every: 2, samples: 4, teacher: true },
  schedule: { until: { success: 0.5, batches: 1 }, next: { name: "slow", lr: 1 } },
};

const Stored = Schema.fromJsonString(Schema.toCodecJson(TrainState));

const timeless = (events: ReadonlyArray<RunEvent>) =>
  events
    .filter(({ _tag }) => _tag !== "PhaseStarted" && _tag !== "PhaseEnded")
    .map((event) =>
      "seconds" in event
        ? { ...event, seconds: 0 }
        : event._tag === "Ended"
          ? { ...event, summary: { ...event.summary, wallSeconds: 0, phases: {} } }
          : event,
    );

/** A run that ends for good after so many updates; its state as text, and the world as it is then. */
const cutOff = (updates: number) => {
  const world = makeLearningWorld();
  let text = "";
  const keep = (state: TrainState) =>
    Effect.gen(function* () {
      text = yield* Effect.orDie(Schema.encodeEffect(Stored)(state));
      return yield* Effect.interrupt;
    });
  return { world, keep: { every: updates, keep }, text: () => text };
};

describe("TrainState", () => {
  it.effect("train() goes on after any update as if it had never been cut off", () =>
    Effect.gen(function* () {
      const whole = makeLearningWorld();
      yield* Effect.provide(train(config, { name: "resd" }), whole.layer);
      const expected = timeless(whole.events);
      assert.isTrue(whole.events.some(({ _tag }) => _tag === "Switched"));

      for (let updates = 1; updates <= UPDATES; updates++) {
        const { world, keep, text } = cutOff(updates);
        const events: ReadonlyArray<RunEvent> = yield* Effect.gen(function* () {
          const first = yield* Effect.forkChild(train(config, { name: "resd", checkpoint: keep }));
          yield* Fiber.await(first);
          const before = world.events.length;
          const from = yield* Schema.decodeEffect(Stored)(text());
          assert.strictEqual(from.totals.updates, updates);
          yield* train(config, { name: "resd", from });
          return [
            ...world.events.slice(0, before).filter(({ _tag }) => _tag !== "Ended"),
            ...world.events.slice(before).filter(({ _tag }) => _tag !== "Started"),
          ];
        }).pipe(Effect.provide(world.layer));
        assert.deepStrictEqual(timeless(events), expected, `after ${updates} updates`);
      }
    }),
  );

  it.effect(
    "train() keeps its state when so many seconds have passed, and nothing else changes",
    () =>
      Effect.gen(function* () {
        const whole = makeLearningWorld();
        yield* Effect.provide(train(config, { name: "resd" }), whole.layer);

        let reads = 0n; // every look at the clock takes a second
        const clock = {
          ...(yield* Clock.Clock),
          monotonicTimeNanos: Effect.sync(() => ++reads * BILLION),
        };
        const seconds = 40;
        const kept: Array<TrainState> = [];
        const world = makeLearningWorld();
        const keep = (state: TrainState) => Effect.sync(() => void kept.push(state));
        yield* train(config, { name: "resd", checkpoint: { seconds, keep } }).pipe(
          Effect.provide(world.layer),
          Effect.provideService(Clock.Clock, clock),
        );
        assert.isAtLeast(kept.length, 2);
        assert.isBelow(kept.length, UPDATES);
        const times = [0, ...kept.map(({ wallSeconds }) => wallSeconds)];
        times.slice(1).forEach((time, i) => assert.isAtLeast(time - times[i]!, seconds));
        assert.deepStrictEqual(timeless(world.events), timeless(whole.events));
      }),
  );

  it.effect("train() refuses a policy whose weights are not those of the state", () =>
    Effect.gen(function* () {
      const { world, keep, text } = cutOff(1);
      const first = train(config, { name: "resd", checkpoint: keep });
      yield* Fiber.await(yield* Effect.forkChild(Effect.provide(first, world.layer)));
      const from = yield* Schema.decodeEffect(Stored)(text());
      const other = makeLearningWorld();
      const error = yield* Effect.flip(
        Effect.provide(train(config, { name: "resd", from }), other.layer),
      );
      assert.include(error.message, "of the run that was cut off");
      assert.isEmpty(other.events);
    }),
  );
});
