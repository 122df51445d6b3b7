import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer as testLayer } from "@effect/vitest";
import { Similarity } from "@resd/core";
import { writeEmbeddingModel } from "@resd/testing";
import { Effect, FileSystem, Layer } from "effect";
import { layer } from "./mod.ts";

/** A model to which carry and digit are the same word. */
const similarity = Layer.unwrap(
  Effect.gen(function* () {
    const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped();
    yield* writeEmbeddingModel(folder, ["carry", "digit"]);
    return layer({ model: folder, batchSize: 2, remembered: 4, threads: 1 });
  }),
).pipe(Layer.provide(NodeServices.layer));

testLayer(similarity)("similarity-transformers", (it) => {
  it.effect("alike() is high for what means the same, 1 for equal texts, and symmetric", () =>
    Effect.gen(function* () {
      const { alike, name } = yield* Similarity;
      assert.isAbove(name.length, 0);
      const texts = [" carry before round", " digit before round", " search sorted list", ""];
      const rows = yield* alike(texts, texts);
      for (const [i, row] of rows.entries()) {
        assert.strictEqual(row[i], 1);
        for (const [j, value] of row.entries()) {
          assert.isTrue(value >= 0 && value <= 1);
          assert.closeTo(value, rows[j]![i]!, 1e-6);
        }
      }
      assert.closeTo(rows[0]![1]!, 1, 1e-5);
      assert.isBelow(rows[0]![2]!, 0.6);
      // What was forgotten is embedded again, to the same numbers.
      assert.deepStrictEqual(yield* alike(texts, texts), rows);
    }),
  );

  it.effect("relevance() is higher for what a task is about", () =>
    Effect.gen(function* () {
      const { relevance } = yield* Similarity;
      const [near, far] = yield* relevance(" carry before round", [" digit round", " sorted list"]);
      assert.isAbove(near ?? 0, far ?? 1);
      assert.strictEqual((yield* relevance("x", [])).length, 0);
    }),
  );
});

describe("layer()", () => {
  testLayer(NodeServices.layer)((it) => {
    it.effect("layer() fails with a SimilarityError, when there is no model", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer({ model: "no/such" }))));
        assert.strictEqual(error._tag, "SimilarityError");
      }),
    );
  });
});
