import { NodeServices } from "@effect/platform-node";
import { assert, describe, it, layer as testLayer } from "@effect/vitest";
import { Format, Reflector, type View } from "@resd/core";
import { chatFormat } from "@resd/resd";
import { attemptOf, reflectorLaws, writeInstructModel } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, FileSystem, Layer } from "effect";
import { type Options, layer } from "./mod.ts";

const REPLY = JSON.stringify({
  reasoning: "r",
  key_insight: "Mind the carry.",
  bullet_tags: [
    { id: "sai-00001", tag: "helpful" },
    { id: "sai-77777", tag: "harmful" },
  ],
});
const format = Layer.succeed(
  Format,
  chatFormat((messages) => messages.map(({ content }) => ({ text: content }))),
);
const view: View = {
  version: 1,
  updateCount: 1,
  entries: [
    {
      id: "sai-00001",
      section: "STRATEGIES & INSIGHTS",
      text: "Carry before you round.",
      helpful: 1,
      harmful: 0,
      createdAt: 0,
      lastTaggedAt: 0,
    },
  ],
};
const failure = attemptOf({ id: "a", problem: "What is 17 * 3?", answer: "41" });

/** The reflector over a model that was just written. */
const reflector = (options: Partial<typeof Options.Encoded> = {}, reply = REPLY) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped();
      yield* writeInstructModel(folder, reply);
      return layer({ model: folder, threads: 1, contextTokens: 4096, maxTokens: 20, ...options });
    }),
  ).pipe(Layer.provide([NodeServices.layer, format]));

describe("reflector-transformers", () => {
  registerLaws(reflectorLaws(reflector()), { timeoutMillis: 300_000 });

  testLayer(reflector(), { timeout: 120_000 })((it2) => {
    it2.effect("reflect() reads what a local model answers", () =>
      Effect.gen(function* () {
        const { reflect, credit, freeText } = yield* Reflector;
        assert.isTrue(freeText);
        const { reflections, use } = yield* reflect([failure], view, { update: 0 });
        assert.deepStrictEqual(reflections, [
          {
            text: REPLY,
            insight: "Mind the carry.",
            tags: [{ entry: "sai-00001", sign: "helpful" }],
            parse: "ok",
          },
        ]);
        assert.deepStrictEqual(use, { modelCalls: 1, generatedTokens: 2 });
        const { tags } = yield* credit([failure], view, { update: 0 });
        assert.deepStrictEqual(tags, [[{ entry: "sai-00001", sign: "helpful" }]]);
      }),
    );
  });

  testLayer(reflector({ maxTokens: 1 }), { timeout: 120_000 })((it2) => {
    it2.effect("reflect() says that a reply was cut off", () =>
      Effect.gen(function* () {
        const { reflect } = yield* Reflector;
        const { reflections } = yield* reflect([failure], view, { update: 0 });
        assert.strictEqual(reflections[0]?.parse, "truncated");
      }),
    );
  });

  it.effect("layer() refuses a folder without a model, and replies without end", () =>
    Effect.gen(function* () {
      const message = (options: typeof Options.Encoded) =>
        Layer.build(layer(options).pipe(Layer.provide(format))).pipe(
          Effect.scoped,
          Effect.flip,
          Effect.map((error) => error.message),
        );
      assert.include(yield* message({ model: "no/such/folder" }), "no such folder");
      assert.include(
        yield* message({ model: "x", maxTokens: 10, contextTokens: 10 }),
        "below contextTokens",
      );
    }),
  );
});
