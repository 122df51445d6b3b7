import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { eventsOf, makeWorld, smallConfig } from "./_world.ts";
import { evaluationOf } from "./task_scores.ts";
import { train } from "./train.ts";

describe("measure", () => {
  it.effect("measure() tells with each evaluation the scores that it is made of", () =>
    Effect.gen(function* () {
      const world = makeWorld({ answer: ({ word, updates }) => (updates > 0 ? word : "no") });
      yield* Effect.provide(train(smallConfig({ updates: 1 }), { name: "resd" }), world.layer);
      const [before, after] = eventsOf(world.events, "Evaluated");
      assert.deepEqual(
        before?.scores?.student?.map(({ task, success }) => [task, success]),
        [
          ["heldOut0", [false, false]],
          ["heldOut1", [false, false]],
        ],
      );
      assert.deepEqual(evaluationOf(after!.scores!.student!, 2), after!.student);
      assert.isUndefined(after?.scores?.teacher);
    }),
  );
});
