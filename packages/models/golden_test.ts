import { NodeServices } from "@effect/platform-node";
import {
  gatherLast,
  gatherRows,
  gradient,
  graph,
  input,
  interpret,
  logSoftmax,
  mean,
  neg,
  reshape,
} from "@resd/tensor";
import { assert, layer } from "@effect/vitest";
import { Effect, FileSystem, Schema } from "effect";
import { hidden, logits } from "./decoder.ts";
import { loadFolder } from "./folder.ts";
import { parameterInputs } from "./parameters.ts";

/** Written by tools/parity/llama_golden.py with Hugging Face transformers. */
const Golden = Schema.fromJsonString(
  Schema.Struct({
    ids: Schema.Array(Schema.Array(Schema.Int)),
    lengths: Schema.Array(Schema.Int),
    logits: Schema.Array(Schema.Array(Schema.Array(Schema.Finite))),
    loss: Schema.Finite,
    gradientNorms: Schema.Record(Schema.String, Schema.Finite),
    gradientSamples: Schema.Record(Schema.String, Schema.Array(Schema.Finite)),
  }),
);

/** transformers rounds rotary tables and norms to f32 even in a double model. */
const TOLERANCE = 2e-6;

const near = (actual: number, expected: number, where: string): void =>
  assert.isAtMost(
    Math.abs(actual - expected),
    TOLERANCE * Math.max(1, Math.abs(expected)),
    `${where}: ${actual} for ${expected}`,
  );

layer(NodeServices.layer)("golden", (it) => {
  it.effect.each(["llama-tied", "llama-grouped"])(
    "hidden() and logits() agree with transformers on %s, in values and gradients",
    (name) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = new URL(`./fixtures/${name}`, import.meta.url).pathname;
        const golden = yield* Schema.decodeEffect(Golden)(
          yield* fs.readFileString(`${folder}/golden.json`),
        );
        const { config, parameters } = yield* loadFolder(folder);
        const weights = Object.fromEntries(yield* parameters.readAll);

        const [B, T] = [golden.ids.length, golden.ids[0]!.length];
        const inputs = parameterInputs(config);
        const states = hidden(config, inputs, input("ids", [B, T], "i32"));
        const rows = logits(config, inputs, reshape(states, [B * T, config.hidden_size]));
        const predicting = golden.lengths.flatMap((length, b) =>
          Array.from({ length: length - 1 }, (_, t) => b * T + t),
        );
        const targets = predicting.map((row) => golden.ids.flat()[row + 1]!);
        const N = predicting.length;
        const chosen = logSoftmax(gatherRows(rows, input("rows", [N], "i32")));
        const loss = mean(neg(gatherLast(chosen, input("targets", [N, 1], "i32"))));
        const names = Object.keys(inputs);
        const gradients = gradient(loss, Object.values(inputs));
        const results = interpret(
          graph({
            rows,
            loss,
            ...Object.fromEntries(names.map((key, i) => [`g/${key}`, gradients[i]!])),
          }),
          {
            ...weights,
            ids: golden.ids.flat(),
            rows: predicting,
            targets,
          },
        );

        golden.logits.forEach((sequence, b) =>
          sequence.forEach((expected, t) =>
            expected.forEach((value, v) => {
              const at = (b * T + t) * config.vocab_size + v;
              near(results["rows"]![at]!, value, `logit ${v} of token ${t} of sequence ${b}`);
            }),
          ),
        );
        near(results["loss"]![0]!, golden.loss, "loss");
        for (const [key, expected] of Object.entries(golden.gradientNorms)) {
          const all = results[`g/${key}`]!;
          near(Math.hypot(...all), expected, `norm of the gradient of ${key}`);
          golden.gradientSamples[key]!.forEach((value, i) => near(all[i]!, value, `${key}[${i}]`));
        }
        assert.sameMembers(Object.keys(golden.gradientNorms), names);
      }),
  );
});
