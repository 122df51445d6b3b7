import type { Probe } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { eventsOf, makeWorld, smallConfig } from "./_world.ts";
import { train } from "./train.ts";

const probes: ReadonlyArray<Probe> = [
  ...Array.from({ length: 30 }, (_, i): Probe => ({
    ability: "echo",
    prompt: `say probe${i}`,
    answer: `probe${i}`,
  })),
  { ability: "text", continuation: "some words" },
];

/** A policy that answers tasks as ever, and forgets to echo probes. */
const forgetful = () =>
  makeWorld({
    answer: ({ word, updates }) => (word.startsWith("probe") && updates > 0 ? "no" : word),
    logProb: (updates) => -1 - updates,
  });
const run = (world: ReturnType<typeof makeWorld>, asked?: typeof probes) =>
  Effect.provide(
    train(smallConfig({ updates: 2 }), {
      name: "probed",
      ...(asked === undefined ? {} : { probes: asked }),
    }),
    world.layer,
  );

describe("takeProbes", () => {
  it.effect(
    "takeProbes() asks before the first update and after the last, and says what was lost",
    () =>
      Effect.gen(function* () {
        const world = forgetful();
        const summary = yield* run(world, probes);
        assert.deepEqual(
          eventsOf(world.events, "Probed").map(({ update, results }) => [update, results.length]),
          [
            [0, 31],
            [2, 31],
          ],
        );
        const { abilities } = summary;
        assert.deepInclude(abilities?.before["echo"], {
          measure: "accuracy",
          value: 1,
          probes: 30,
        });
        assert.deepInclude(abilities?.after?.["echo"], { value: 0 });
        assert.deepInclude(abilities?.changes?.["echo"], { lost: 30, verdict: "worse" });
        assert.closeTo(abilities?.changes?.["text"]?.change ?? 0, 2, 1e-6);
        assert.deepEqual(
          summary.diagnoses.map(({ cause, kind, update }) => [cause, kind, update]),
          [["forgetting", "collapsing", 2]],
        );
      }),
  );

  it.effect("takeProbes() changes nothing of the run beside it", () =>
    Effect.gen(function* () {
      const [with_, without] = [forgetful(), forgetful()];
      yield* run(with_, probes);
      const summary = yield* run(without);
      assert.isUndefined(summary.abilities);
      const said = (world: typeof with_) =>
        eventsOf(world.events, "Updated").map(({ metrics }) => ({
          ...metrics,
          // What was asked in all counts probes too, and the vocabulary of the test world grows by use.
          rolloutHash: "",
          modelCalls: 0,
          generatedTokens: 0,
        }));
      assert.deepEqual(said(with_), said(without));
      const training = (world: typeof with_) =>
        world.requests
          .filter(({ prompt }) => !/say probe/.test(world.textOf(prompt)))
          .map(({ seed, sampling }) => ({ seed, sampling }));
      assert.deepEqual(training(with_), training(without));
    }),
  );
});
