import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { writeEmbeddingModel } from "@resd/testing";
import { Effect, FileSystem } from "effect";
import { type ModelOptions, loadModel } from "./mod.ts";

const load = (options: Partial<ModelOptions> & { readonly model: string }) =>
  loadModel(
    { download: false, dtype: "fp32", ...options },
    ({ AutoModel }, name, pretrained) => AutoModel.from_pretrained(name, pretrained),
    (model) => model.dispose(),
  );

describe("loadModel", () => {
  it.effect("loadModel() loads a folder and closes the model", () =>
    Effect.gen(function* () {
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped();
      yield* writeEmbeddingModel(folder);
      const model = yield* load({ model: folder, threads: 1 });
      assert.strictEqual(model.config.model_type, "bert");
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  );

  it.effect("loadModel() says what is missing, and asks no network for it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped();
      const message = (options: Partial<ModelOptions> & { readonly model: string }) =>
        Effect.map(Effect.flip(load(options)), (error) => error.message);
      assert.include(yield* message({ model: "Xenova/all-MiniLM-L6-v2" }), "no such folder");
      assert.include(
        yield* message({ model: folder }),
        "without config.json, tokenizer.json, onnx",
      );
      yield* writeEmbeddingModel(folder);
      assert.include(yield* message({ model: folder, dtype: "q8" }), "(dtype q8)");
      yield* fs.writeFileString(`${folder}/onnx/model.onnx`, "no model");
      assert.include(yield* message({ model: folder }), "a model that transformers.js can run");
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  );
});
