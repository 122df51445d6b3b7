import type { PolicyGradient, RunEvent } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { makeWorld, smallConfig } from "./_world.ts";
import type { WorldOptions } from "./_world_options.ts";
import type { ResdConfig } from "./config.ts";
import { presets } from "./presets.ts";
import {
  type Observed,
  type ObservedUpdate,
  inPhase,
  scheduleLayer,
  scheduleOf,
  successOver,
} from "./schedule.ts";
import { train } from "./train.ts";

/** Updates on batches of ten attempts, by their successes: two inner updates a batch. */
const observe = (...successes: ReadonlyArray<number>): Observed => ({
  updates: successes.map((count, update): ObservedUpdate => ({
    update,
    batch: Math.floor(update / 2),
    inner: update % 2,
    phase: "first",
    attempts: 10,
    successes: count,
    interactions: 10 * (update + 1),
  })),
});

const grpo: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const rule = {
  until: { success: 0.5, batches: 2 },
  next: { name: "grpo", objective: grpo, rolloutsPerPrompt: 2, reflect: false },
} as const;

const run = (
  config: ResdConfig,
  options: WorldOptions = {},
  schedule: Layer.Layer<never> = Layer.empty,
) => {
  const world = makeWorld(options);
  return Effect.map(
    Effect.result(
      Effect.provide(train(config, { name: "test" }), Layer.merge(world.layer, schedule)),
    ),
    (result) => ({ result, ...world }),
  );
};
const switches = (events: ReadonlyArray<RunEvent>) =>
  events.filter((event) => event._tag === "Switched");

describe("successOver", () => {
  it("successOver() is the share over the first inner update of the last batches", () => {
    assert.strictEqual(successOver(observe(1, 9, 4, 9, 6, 9), 2), 0.5);
    assert.strictEqual(successOver(observe(1, 9, 4, 9, 6), 2), 0.5);
    assert.strictEqual(successOver(observe(1, 9, 4, 9, 6), 1), 0.6);
  });

  it("successOver() knows nothing before there are as many batches", () => {
    assert.isUndefined(successOver(observe(), 1));
    assert.isUndefined(successOver(observe(9, 9), 2));
  });
});

describe("scheduleOf", () => {
  it("scheduleOf() changes the phase once enough fresh attempts succeed, and for good", () => {
    const { phase } = scheduleOf({ schedule: rule });
    assert.strictEqual(phase(observe()), "first");
    assert.strictEqual(phase(observe(9, 9)), "first");
    assert.strictEqual(phase(observe(4, 9, 5)), "first");
    assert.strictEqual(phase(observe(4, 9, 6)), "grpo");
    const later = observe(4, 9, 6, 9, 0);
    const after = later.updates.map((update, i) => (i > 2 ? { ...update, phase: "grpo" } : update));
    assert.strictEqual(phase({ updates: after }), "grpo");
  });

  it("scheduleOf() has one phase without a schedule", () => {
    assert.deepEqual(scheduleOf({}).phases, { first: {} });
    assert.strictEqual(scheduleOf({}).phase(observe(9, 9, 9, 9)), "first");
  });
});

describe("inPhase", () => {
  it("inPhase() lays the changes over the configuration, and measures no teacher where there is none", () => {
    const { name: _, ...changes } = rule.next;
    const config = inPhase(presets.kestrel, changes);
    assert.deepEqual(config, {
      ...presets.kestrel,
      ...changes,
      evaluation: { ...presets.kestrel.evaluation, teacher: false },
    });
    assert.deepEqual(inPhase(presets.kestrel, {}), presets.kestrel);
  });
});

describe("train with a schedule", () => {
  const scheduled = smallConfig({ schedule: rule, updates: 6 });

  it.effect("train() trains by the second phase from the update that is due, and says so", () =>
    Effect.gen(function* () {
      // Everything is right from the third update on: the second batch's first update is all successes.
      const { events, batches, result } = yield* run(scheduled, {
        answer: ({ word, updates }) => (updates >= 2 ? word : "no"),
      });
      assert(result._tag === "Success");
      const [switched, ...others] = switches(events);
      assert.deepEqual(switched, {
        _tag: "Switched",
        update: 3,
        from: "first",
        to: "grpo",
        interactions: 6,
      });
      assert.lengthOf(others, 0);
      assert.deepEqual(
        batches.map((batch) => batch.length),
        [2, 2, 2, 4, 4, 4],
      );
      assert.isTrue(
        batches
          .slice(3)
          .flat()
          .every(({ signal }) => signal === "reward"),
      );
      assert.isFalse(
        batches
          .slice(0, 3)
          .flat()
          .some(({ signal }) => signal === "reward"),
      );
      assert.deepEqual(result.success.schedule, [
        { phase: "first", update: 0, interactions: 0 },
        { phase: "grpo", update: 3, interactions: 6 },
      ]);
      assert.strictEqual(result.success.interactions, 3 * 2 + 3 * 4);
    }),
  );

  it.effect("train() stays in the first phase when success never comes", () =>
    Effect.gen(function* () {
      const { events, result } = yield* run(scheduled, { answer: () => "no" });
      assert(result._tag === "Success");
      assert.lengthOf(switches(events), 0);
      assert.deepEqual(result.success.schedule, [{ phase: "first", update: 0, interactions: 0 }]);
    }),
  );

  it.effect("train() follows a schedule in code", () =>
    Effect.gen(function* () {
      const schedule = scheduleLayer({ slow: { lr: 1e-4 }, fast: {} }, ({ updates }) =>
        updates.length < 2 ? "slow" : "fast",
      );
      const { events, result } = yield* run(smallConfig(), {}, schedule);
      assert(result._tag === "Success");
      const rates = events.flatMap((event) =>
        event._tag === "Updated" ? [[event.metrics["phase"], event.report.paramDeltaNorm]] : [],
      );
      assert.deepEqual(
        rates.map(([phase]) => phase),
        ["slow", "slow", "fast", "fast"],
      );
      assert.isBelow(Number(rates[1]?.[1]), Number(rates[2]?.[1]) / 5);
    }),
  );

  it.effect("train() says nothing of phases without a schedule", () =>
    Effect.gen(function* () {
      const { events, result } = yield* run(smallConfig());
      assert(result._tag === "Success");
      assert.notProperty(result.success, "schedule");
      for (const event of events) {
        if (event._tag === "Updated") assert.notProperty(event.metrics, "phase");
      }
    }),
  );

  it.effect.each<[string, ResdConfig, Layer.Layer<never>, RegExp]>([
    [
      "a phase that the policy cannot train by",
      scheduled,
      Layer.empty,
      /In phase grpo: Objective PolicyGradient needs the objective policy-gradient/,
    ],
    [
      "two schedules",
      smallConfig({ schedule: { ...rule, next: { name: "slow", lr: 0 } } }),
      scheduleLayer({ only: {} }, () => "only"),
      /Expected one schedule/,
    ],
    [
      "a phase that it does not know",
      smallConfig(),
      scheduleLayer<string>({ only: {} }, () => "other"),
      /phases only, got other, at update 0/,
    ],
  ])("train() refuses %s", ([, config, schedule, expected]) =>
    Effect.gen(function* () {
      const options = { capabilities: { objectives: ["bucket-kl"] } } as const;
      const { result, batches } = yield* run(config, options, schedule);
      assert(result._tag === "Failure");
      assert.match(result.failure.message, expected);
      assert.lengthOf(batches, 0);
    }),
  );
});
