import { assert, describe, it } from "@effect/vitest";
import { Tracker, type UpdateReport } from "@resd/core";
import { Effect } from "effect";
import { inTurnsByUpdate, type Watched } from "./turns.ts";

/** A run that only reports: some updates of two phases each. */
const pretend = ({ layer }: Watched, name: string, updates: number, log: Array<string>) =>
  Effect.gen(function* () {
    const { event } = yield* Tracker;
    yield* event({ _tag: "Started", name, seed: 1, updates, facts: {} });
    for (let update = 0; update < updates; update++) {
      log.push(`${name} ${update}`);
      for (const seconds of [0.001, 0.002]) {
        yield* event({ _tag: "PhaseEnded", update, phase: "update", seconds });
      }
      yield* Effect.sleep(5);
      yield* event({ _tag: "Updated", update, report: {} as UpdateReport, metrics: {} });
    }
    yield* event({ _tag: "PhaseEnded", update: updates, phase: "evaluate", seconds: 1 });
    yield* event({ _tag: "Ended", outcome: "finished", summary: {} });
  }).pipe(Effect.provide(layer));

describe("inTurnsByUpdate", () => {
  it.live("lets two runs take their updates in turns, and the longer one end alone", () =>
    Effect.gen(function* () {
      const [first, second] = yield* inTurnsByUpdate;
      const log: Array<string> = [];
      yield* Effect.all([pretend(second, "b", 4, log), pretend(first, "a", 2, log)], {
        concurrency: 2,
      });
      assert.deepStrictEqual(log, ["a 0", "b 0", "a 1", "b 1", "b 2", "b 3"]);
      assert.lengthOf(first.updates, 2);
      assert.lengthOf(second.updates, 4);
    }),
  );

  it.live("adds up the phases of an update, and keeps evaluations apart", () =>
    Effect.gen(function* () {
      const [first, second] = yield* inTurnsByUpdate;
      yield* Effect.all([pretend(first, "a", 1, []), pretend(second, "b", 1, [])], {
        concurrency: 2,
      });
      const [update] = first.updates;
      assert.deepStrictEqual(update!.phases, { update: 3 });
      assert.isAtLeast(update!.milliseconds, 4);
      assert.deepStrictEqual(second.evaluations, [1000]);
    }),
  );
});
