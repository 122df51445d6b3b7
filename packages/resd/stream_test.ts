import { Environment, EnvironmentInfraError } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeWorld, smallConfig } from "./_world.ts";
import { brokenTask } from "./_world_environment.ts";
import type { WorldOptions } from "./_world_options.ts";
import type { ResdConfig } from "./config.ts";
import { presets } from "./presets.ts";
import { batchPlaces, planStream, stopsEarly } from "./stream.ts";

const plan = (options: WorldOptions, config: ResdConfig) =>
  Effect.gen(function* () {
    const source = (yield* Environment).tasks("train");
    return yield* planStream(config, source, 7);
  }).pipe(Effect.provide(makeWorld(options).layer));

const bySize = (train: number, config: ResdConfig) => plan({ train }, config);
const { updates: _updates, ...unbounded } = smallConfig();

describe("planStream", () => {
  it.effect.each([
    ["paper/manufactoria", 742, 92],
    ["paper/bsim-easy", 640, 80],
    ["paper/bsim-medium", 320, 40],
    ["paper/finer", 1000, 124],
  ] as const)(
    "planStream() accepts %s on its %i tasks and counts %i updates",
    ([name, tasks, updates]) =>
      Effect.gen(function* () {
        const stream = yield* bySize(tasks, presets[name]);
        assert.strictEqual(stream.updates, updates);
        assert.strictEqual(stream.batches, Math.floor(tasks / 32));
      }),
  );

  it.effect(
    "planStream() refuses a paper preset on another number of tasks, saying what would fit",
    () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(bySize(640, presets["paper/manufactoria"]));
        assert(error._tag === "ResdError");
        assert.strictEqual(error.reason, "protocol");
        assert.match(error.message, /⌊640\/32⌋·4 = 80 updates.*got 92 updates.*set updates to 80/);
      }),
  );

  it.effect(
    "planStream() takes any number of whole batches for one pass, when no number of updates is asserted",
    () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* bySize(100, presets["paper/base"])).updates, 12);
      }),
  );

  it.effect("planStream() stops at what ends first, updates or epochs", () =>
    Effect.gen(function* () {
      const updates = (config: ResdConfig) =>
        Effect.map(bySize(8, config), (stream) => stream.updates);
      assert.strictEqual(yield* updates({ ...unbounded, epochs: 2.5 }), 20);
      assert.strictEqual(yield* updates({ ...unbounded, epochs: 2.5, updates: 7 }), 7);
      assert.strictEqual(yield* updates({ ...unbounded, updates: 1000 }), 1000);
    }),
  );

  it.effect("planStream() leaves out broken tasks, and overlong ones when it filters", () =>
    Effect.gen(function* () {
      const options: WorldOptions = {
        train: 6,
        failing: (at, key) => (at === "get" && key === "train1" ? brokenTask(key) : undefined),
        keyOf: (split, place) => (place === 3 ? "a very long one" : `${split}${place}`),
      };
      const limits = { ...smallConfig().limits, promptTokens: 5 };
      const masked = yield* plan(options, smallConfig({ limits }));
      assert.deepEqual(masked.usable, [0, 2, 3, 4]);
      assert.deepEqual(masked.dropped, [{ task: "train1", reason: "Task train1 is broken" }]);
      const filtered = yield* plan(
        options,
        smallConfig({ limits: { ...limits, overlongPrompts: "filter" } }),
      );
      assert.deepEqual(filtered.usable, [0, 2, 4, 5]);
      assert.deepEqual(
        filtered.dropped.map((drop) => drop.task),
        ["train1", "a very long one"],
      );
    }),
  );

  it.effect("planStream() reads no more tasks than the run can touch", () =>
    Effect.gen(function* () {
      const stream = yield* bySize(1000, smallConfig({ updates: 4, updatesPerBatch: 2 }));
      assert.strictEqual(stream.usable.length, 4);
      const early = yield* bySize(
        1000,
        smallConfig({
          updates: 4,
          updatesPerBatch: 4,
          earlyStop: { minUpdates: 2, threshold: 0.5 },
        }),
      );
      assert.strictEqual(early.usable.length, 4);
    }),
  );

  it.effect(
    "planStream() fails with what to change, when tasks are too few, not distinct, or the server is down",
    () =>
      Effect.gen(function* () {
        const message = (options: WorldOptions, config: ResdConfig) =>
          Effect.map(Effect.flip(plan(options, config)), (error) => error.message);
        assert.match(
          yield* message({ train: 1 }, smallConfig()),
          /one batch of 2 tasks, got 1 usable/,
        );
        assert.match(
          yield* message({ keyOf: () => "same" }, smallConfig()),
          /distinct task keys, got same twice/,
        );
        assert.match(
          yield* message({}, { ...unbounded, epochs: 0.1 }),
          /at least one batch, got 0\.1/,
        );
        const down = new EnvironmentInfraError({ message: "down", retryable: false });
        assert.strictEqual(yield* message({ failing: () => down }, smallConfig()), "down");
      }),
  );

  it.effect(
    "planStream() makes no passes over an infinite split, but takes as many tasks as updates need",
    () =>
      Effect.gen(function* () {
        const endless = {
          size: "infinite" as const,
          get: (place: number) => Effect.succeed({ key: `${place}`, task: 0, problem: "" }),
        };
        const run = (config: ResdConfig) =>
          Effect.provide(planStream(config, endless, 7), makeWorld().layer);
        assert.strictEqual((yield* run(smallConfig({ updates: 6 }))).usable.length, 6);
        const error = yield* Effect.flip(run({ ...unbounded, epochs: 1 }));
        assert.match(error.message, /finite split/);
      }),
  );
});

describe("batchPlaces", () => {
  it("batchPlaces() goes through whole batches in file order, pass after pass", () => {
    const stream = {
      usable: [0, 2, 3, 5, 7],
      batchesPerPass: 2,
      batches: 4,
      updates: 8,
      dropped: [],
    };
    assert.deepEqual(
      [0, 1, 2, 3].map((batch) => batchPlaces(stream, 2, batch)),
      [
        [0, 2],
        [3, 5],
        [0, 2],
        [3, 5],
      ],
    );
  });
});

describe("stopsEarly", () => {
  const rule = { minUpdates: 2, threshold: 0.5 };
  const scores = (a: number, b: number) =>
    new Map([
      ["a", a],
      ["b", b],
    ]);

  it("stopsEarly() holds when fewer prompts improved than the threshold asks, compared by task", () => {
    assert.isTrue(stopsEarly(rule, 2, scores(0, 1), scores(0, 1)));
    assert.isFalse(stopsEarly(rule, 2, scores(1, 1), scores(0, 1)));
    assert.isFalse(
      stopsEarly(
        rule,
        2,
        new Map([
          ["b", 1],
          ["a", 1],
        ]),
        scores(0, 1),
      ),
    );
  });

  it("stopsEarly() never holds before the least number of updates, without a rule or at threshold 0", () => {
    assert.isFalse(stopsEarly(rule, 1, scores(0, 0), scores(0, 0)));
    assert.isFalse(stopsEarly(rule, 2, scores(0, 0), undefined));
    assert.isFalse(stopsEarly(undefined, 4, scores(0, 0), scores(0, 0)));
    assert.isFalse(stopsEarly({ minUpdates: 2, threshold: 0 }, 4, scores(0, 0), scores(1, 1)));
  });
});
