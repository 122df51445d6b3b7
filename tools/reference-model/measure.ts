/**
 * Measures what a model in the compact format can do, on conventions that no run seed has.
 *
 *     node tools/reference-model/measure.ts --model models/kestrel --samples 1000
 */
import { parseArgs } from "node:util";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { layer as computeOnnx } from "@resd/compute-onnx";
import { hashSeed, Policy } from "@resd/core";
import { localPolicyLayer } from "@resd/engine";
import { Console, Effect, Layer } from "effect";
import { type Generate, measureAbilities } from "./abilities.ts";
import { abilityTable } from "./abilities_rate.ts";
import { VOCABULARY, wordId } from "./tokenizer.ts";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "models/kestrel" },
    samples: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
  },
});

const program = Effect.gen(function* () {
  const policy = yield* Policy;
  const end = wordId("<end>");
  const wordsOf = (ids: Int32Array): ReadonlyArray<string> =>
    Array.from(ids)
      .filter((id) => id !== end)
      .map((id) => VOCABULARY[id]!);
  const context = yield* Effect.context();
  const generate: Generate = (prompts, { temperature, maxTokens, seed }) =>
    Effect.runPromiseWith(context)(
      policy
        .generate(
          prompts.map((words, i) => ({
            id: String(i),
            prompt: Int32Array.from(words, wordId),
            seed: hashSeed(seed, i),
            sampling: { temperature, topP: 1, topK: 0, maxTokens, stop: [] },
            as: "student" as const,
          })),
        )
        .pipe(Effect.map((replies) => replies.map(({ ids }) => wordsOf(ids)))),
    );
  const abilities = yield* Effect.promise(() =>
    measureAbilities(generate, {
      seed: Number(flags.seed),
      samples: Number(flags.samples),
      programTemperature: 1,
      reflectionTemperature: 0.5,
    }),
  );
  yield* Console.log(flags.json ? JSON.stringify(abilities) : abilityTable(abilities));
});

program.pipe(
  Effect.provide(
    localPolicyLayer({ folder: flags.model }).pipe(
      Layer.provide(computeOnnx({ threads: Number(flags.threads) })),
      Layer.provideMerge(NodeServices.layer),
    ),
  ),
  NodeRuntime.runMain,
);
