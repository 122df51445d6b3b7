/** Every family on the backend that users get: logits in f32, and token after token through the key-value cache. */
import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { layer as onnx } from "@resd/compute-onnx";
import { Compute } from "@resd/core";
import { generateBatch, makePrograms, putArrays } from "@resd/engine";
import { hidden, loadFolder, logits, parameterInputs, parameterSpecs } from "@resd/models";
import { openSafetensors } from "@resd/safetensors";
import { graph, input, reshape } from "@resd/tensor";
import { Effect, FileSystem, Layer, Schema } from "effect";

const FIXTURES = new URL("../../packages/models/fixtures/families", import.meta.url).pathname;
const CASES = [
  "llama-linear",
  "llama-llama3",
  "qwen2-window",
  "qwen2-yarn",
  "qwen3-yarn",
  "gemma3-text",
  "smollm3",
];

const Facts = Schema.fromJsonString(
  Schema.Struct({
    ids: Schema.Array(Schema.Array(Schema.Int)),
    prompt: Schema.Int,
    greedy: Schema.Array(Schema.Int),
  }),
);

/** Share of the largest logit by which f32 may differ from transformers in f64. */
const TOLERANCE = 1e-4;

const machine = Layer.mergeAll(NodeServices.layer, onnx({ threads: 1 }));

layer(machine, { excludeTestServices: true })("families", (it) => {
  it.effect.each(CASES)("a policy of %s says what transformers says", (name) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const compute = yield* Compute;
      const folder = `${FIXTURES}/${name}`;
      const facts = yield* Schema.decodeEffect(Facts)(
        yield* fs.readFileString(`${folder}/golden.json`),
      );
      const { config, parameters } = yield* loadFolder(folder);
      const weights = yield* parameters.readAll;
      const specs = parameterSpecs(config);
      const arrays = yield* putArrays(compute, specs, (spec) => weights.get(spec.name)!);

      const ids = facts.ids[0]!;
      const inputs = parameterInputs(config);
      const states = hidden(config, inputs, input("ids", [1, ids.length], "i32"));
      const rows = logits(config, inputs, reshape(states, [ids.length, config.hidden_size]));
      const program = yield* compute.compile(graph({ rows }));
      const { values } = yield* program.run(
        { ...arrays, ids: Int32Array.from(ids) },
        { read: ["rows"] },
      );
      const golden = yield* openSafetensors(`${folder}/golden.safetensors`);
      const expected = yield* golden.readFloats("logits");
      const largest = expected.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
      values["rows"]!.forEach((value, i) =>
        assert.isAtMost(Math.abs(value - expected[i]!), TOLERANCE * largest, `logit ${i}`),
      );

      const prompt = Int32Array.from(ids.slice(0, facts.prompt));
      const sampling = {
        temperature: 0,
        topP: 1,
        topK: 0,
        maxTokens: facts.greedy.length,
        stop: [],
      };
      const context = {
        programs: makePrograms(compute),
        config,
        parameters: 0,
        ends: new Set<number>(),
        decode: () => "",
        maxRows: 8,
      };
      const others = [1, 2, 11].map((length) => Int32Array.from(ids.slice(0, length)));
      const answers = yield* generateBatch(
        context,
        [prompt, ...others].map((asked, i) => ({
          id: `${i}`,
          prompt: asked,
          seed: 1,
          sampling,
          as: "student",
        })),
        () => Effect.succeed({ arrays, version: "fixture" }),
      );
      assert.deepStrictEqual([...answers[0]!.ids], [...facts.greedy]);
    }),
  );
});
