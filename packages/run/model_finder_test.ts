import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { testServices } from "./_host.ts";
import { ModelFinder, ModelNotFoundError, modelFolder } from "./model_finder.ts";

describe("modelFolder", () => {
  it.effect("modelFolder() takes a name for a folder, unless the application knows better", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* modelFolder("models/mine"), "models/mine");
      const found = Layer.succeed(ModelFinder, (model: string) =>
        model === "org/model"
          ? Effect.succeed("/cache/org/model")
          : Effect.fail(new ModelNotFoundError({ model, message: "no such model" })),
      );
      const known = yield* Effect.provide(modelFolder("org/model"), found);
      assert.strictEqual(known, "/cache/org/model");
      const error = yield* Effect.flip(Effect.provide(modelFolder("other"), found));
      assert.strictEqual(error.model, "other");
    }).pipe(Effect.provide(testServices)),
  );
});
