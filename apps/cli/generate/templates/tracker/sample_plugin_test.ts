import { type RunEvent, Tracker } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer, Logger } from "effect";
import { layer } from "./mod.ts";

const updated = (update: number): RunEvent => ({
  _tag: "Updated",
  update,
  report: {
    loss: update / 10,
    gradNorm: 1,
    teacherDrift: 0,
    logProbGap: 0,
    paramDeltaNorm: 0,
    policyVersion: "0",
    samples: [],
  },
  metrics: {},
});

describe("tracker-sample-plugin", () => {
  it.effect("event() logs the loss of every second update when asked to", () => {
    const lines: Array<unknown> = [];
    const capture = Logger.layer([Logger.make(({ message }) => void lines.push(message))]);
    return Effect.gen(function* () {
      const tracker = yield* Tracker;
      yield* Effect.forEach([0, 1, 2], (update) => tracker.event(updated(update)));
      assert.deepStrictEqual(lines.flat(), ["update 0: loss 0", "update 2: loss 0.2"]);
    }).pipe(Effect.provide(Layer.merge(layer({ every: 2 }), capture)));
  });
});
