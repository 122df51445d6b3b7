import { Format, Reflector } from "@resd/core";
import { compactFormat } from "@resd/resd";
import { attemptOf } from "@resd/testing";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { layer } from "./mod.ts";

const feedback = {
  parts: [{ kind: "hint" as const, text: "add goes last" }],
  leakage: "none" as const,
};
const failure = attemptOf({
  problem: "sum",
  answer: "add 1",
  results: [{ success: false, feedback }],
});
const success = attemptOf({ problem: "sum", answer: "1 add", results: [{ success: true }] });
const entry = { section: "OTHERS", helpful: 0, harmful: 0, createdAt: 0, lastTaggedAt: 0 };
const view = {
  version: 1,
  updateCount: 0,
  entries: [
    { ...entry, id: "misc-00001", text: "1 add" },
    { ...entry, id: "misc-00002", text: "add 1" },
  ],
};
const live = layer({}).pipe(Layer.provide(Layer.succeed(Format, compactFormat)));

describe("reflector-sample-plugin", () => {
  it.effect("reflect() answers every failure in order, in the words of the environment", () =>
    Effect.gen(function* () {
      const reflector = yield* Reflector;
      const { reflections } = yield* reflector.reflect([failure, success], view, { update: 0 });
      assert.strictEqual(reflections.length, 2);
      assert.strictEqual(reflections[0]?.insight, "add goes last");
      assert.include(reflections[0]?.text, "add goes last");
    }).pipe(Effect.provide(live)),
  );

  it.effect("credit() tags the entries that an answer repeats, and no others", () =>
    Effect.gen(function* () {
      const reflector = yield* Reflector;
      const { tags } = yield* reflector.credit([success], view, { update: 0 });
      assert.deepStrictEqual(tags, [[{ entry: "misc-00001", sign: "helpful" }]]);
    }).pipe(Effect.provide(live)),
  );
});
