/** The families against transformers: values, gradients, adapters, and what happens when a feature is left out. */
import { NodeServices } from "@effect/platform-node";
import { openSafetensors } from "@resd/safetensors";
import {
  concat,
  gatherLast,
  gradient,
  graph,
  input,
  interpret,
  logSoftmax,
  mean,
  neg,
  reshape,
  sliceAxis,
  type Tensor,
  type Values,
} from "@resd/tensor";
import { assert, layer } from "@effect/vitest";
import { Effect, FileSystem, Schema } from "effect";
import { loadAdapter } from "./adapter_folder.ts";
import type { DecoderConfig } from "./config.ts";
import { hidden, logits } from "./decoder.ts";
import { loadFolder } from "./folder.ts";
import { mergedParameters } from "./merge_adapter.ts";
import { adapterSpecs, type Parameters, parameterInputs } from "./parameters.ts";

/** Written by tools/parity/family_golden.py with Hugging Face transformers. */
const CASES = [
  "llama-linear",
  "llama-llama3",
  "qwen2-window",
  "qwen2-yarn",
  "qwen3-yarn",
  "gemma3-text",
  "smollm3",
] as const;

const Facts = Schema.fromJsonString(
  Schema.Struct({ ids: Schema.Array(Schema.Array(Schema.Int)), step: Schema.Finite }),
);

type Tensors = Readonly<Record<string, Float32Array>>;
type Sequences = ReadonlyArray<ReadonlyArray<number>>;

const readTensors = Effect.fnUntraced(function* (path: string) {
  const file = yield* openSafetensors(path);
  const tensors: Record<string, Float32Array> = {};
  for (const name of file.names) tensors[name] = yield* file.readFloats(name);
  return { tensors: tensors as Tensors, infos: file.header.tensors };
});

const readCase = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem;
  const folder = new URL(`./fixtures/families/${name}`, import.meta.url).pathname;
  const text = yield* fs.readFileString(`${folder}/golden.json`);
  const { config, parameters } = yield* loadFolder(folder);
  return {
    ...(yield* Schema.decodeEffect(Facts)(text)),
    folder,
    config,
    weights: Object.fromEntries(yield* parameters.readAll) as Tensors,
    golden: (yield* readTensors(`${folder}/golden.safetensors`)).tensors,
  };
});

/** Logits of all positions, sequence after sequence, the log-probs of next tokens, and their mean loss. */
const forward = (config: DecoderConfig, parameters: Parameters, ids: Sequences) => {
  const parts = ids.map((sequence, i) => {
    const T = sequence.length;
    const states = hidden(config, parameters, input(`ids/${i}`, [1, T], "i32"));
    const rows = logits(config, parameters, reshape(states, [T, config.hidden_size]));
    const predicting = logSoftmax(sliceAxis(rows, 0, 0, T - 1));
    return { rows, chosen: gatherLast(predicting, input(`next/${i}`, [T - 1, 1], "i32")) };
  });
  const joined = (tensors: ReadonlyArray<Tensor>) => concat(tensors, 0);
  const logProbs = joined(parts.map(({ chosen }) => chosen));
  return { rows: joined(parts.map(({ rows }) => rows)), logProbs, loss: mean(neg(logProbs)) };
};

const run = (outputs: Record<string, Tensor>, weights: Tensors, ids: Sequences) =>
  interpret(graph(outputs), {
    ...weights,
    ...Object.fromEntries(
      ids.flatMap((sequence, i) => [
        [`ids/${i}`, sequence],
        [`next/${i}`, sequence.slice(1)],
      ]),
    ),
  });

/** The largest difference, as a share of the largest expected value. */
const gap = (actual: Values, expected: Float32Array): number => {
  assert.strictEqual(actual.length, expected.length);
  let [largest, difference] = [0, 0];
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(actual[i]! - value));
  }
  return difference / largest;
};

const LOGITS = 1e-5;
const GRADIENTS = 1e-4;

/** Whatever a configuration has beyond llama's, taken away or changed, one thing at a time. */
const mutations = (
  config: DecoderConfig,
): ReadonlyArray<readonly [what: string, mutant: DecoderConfig]> => {
  const without = (Object.keys(config) as Array<keyof DecoderConfig>).flatMap((key) => {
    const { [key]: _, ...rest } = config;
    return key in OPTIONAL ? [[`without ${key}`, rest as DecoderConfig] as const] : [];
  });
  const changed: Array<readonly [string, DecoderConfig]> = [
    ["another rope_theta", { ...config, rope_theta: 2 * config.rope_theta }],
  ];
  const { rope_scaling, sliding_window, rope_local_base_freq } = config;
  if (sliding_window !== undefined) {
    changed.push(["a wider window", { ...config, sliding_window: sliding_window + 1 }]);
    changed.push(["a narrower window", { ...config, sliding_window: sliding_window - 1 }]);
  }
  if (rope_local_base_freq !== undefined) {
    changed.push(["another local base", { ...config, rope_local_base_freq: 21 }]);
  }
  for (const [key, value] of Object.entries(rope_scaling ?? {})) {
    if (typeof value !== "number") continue;
    // Where the ramp begins is cut off at 0, and 32 turns lie far below that.
    const other = key === "beta_fast" ? 1.2 : 1.5 * value;
    const scaling = { ...rope_scaling, [key]: other };
    changed.push([`another ${key}`, { ...config, rope_scaling: scaling } as DecoderConfig]);
  }
  if (rope_scaling?.rope_type === "yarn") {
    const truncate = !rope_scaling.truncate;
    changed.push(["other truncation", { ...config, rope_scaling: { ...rope_scaling, truncate } }]);
    const plain = { ...rope_scaling, attention_factor: 1 };
    changed.push(["without attention factor", { ...config, rope_scaling: plain }]);
  }
  return [...without, ...changed];
};
const OPTIONAL = {
  rope_scaling: 1,
  rope_local_base_freq: 1,
  no_rope_layers: 1,
  layer_types: 1,
  sliding_window: 1,
  projection_bias: 1,
  mlp_bias: 1,
  hidden_act: 1,
  qk_norm: 1,
  sandwich_norms: 1,
  norm_offset: 1,
  embedding_scale: 1,
  query_pre_attn_scalar: 1,
  final_logit_softcapping: 1,
};

layer(NodeServices.layer)("parity", (it) => {
  it.effect.each(CASES)("hidden() and logits() of %s agree with transformers", (name) =>
    Effect.gen(function* () {
      const { config, weights, golden, ids, step } = yield* readCase(name);
      const inputs = parameterInputs(config);
      const names = Object.keys(inputs);
      const { rows, logProbs, loss } = forward(config, inputs, ids);
      const gradients = gradient(loss, Object.values(inputs));
      const results = run(
        {
          rows,
          logProbs,
          loss,
          ...Object.fromEntries(names.map((key, i) => [key, gradients[i]!])),
        },
        weights,
        ids,
      );
      assert.isBelow(gap(results["rows"]!, golden["logits"]!), LOGITS, "logits");
      assert.isBelow(gap(results["logProbs"]!, golden["log_probs"]!), LOGITS, "log-probs");
      assert.isBelow(gap(results["loss"]!, golden["loss"]!), LOGITS, "loss");
      const moved: Record<string, Float32Array> = {};
      for (const key of names) {
        const slope = results[key]!;
        assert.isBelow(gap(slope, golden[`gradient/${key}`]!), GRADIENTS, `gradient of ${key}`);
        moved[key] = Float32Array.from(weights[key]!, (value, i) => value - step * slope[i]!);
      }
      const recorded = Object.keys(golden).filter((key) => key.startsWith("gradient/"));
      assert.strictEqual(recorded.length, names.length);
      const after = run({ loss: forward(config, inputs, ids).loss }, moved, ids);
      assert.isBelow(gap(after["loss"]!, golden["loss_after"]!), LOGITS, "loss after a step");
    }),
  );

  it.effect.each(CASES)("hidden() of %s needs every one of its features", (name) =>
    Effect.gen(function* () {
      const { config, weights, golden, ids } = yield* readCase(name);
      for (const [what, mutant] of mutations(config)) {
        const { rows } = forward(mutant, parameterInputs(config), ids);
        const difference = gap(run({ rows }, weights, ids)["rows"]!, golden["logits"]!);
        assert.isAbove(difference, 100 * LOGITS, what);
      }
    }),
  );

  it.effect.each(CASES)(
    "an adapter of %s has the logits and gradients that PyTorch gives it, merged or not",
    (name) =>
      Effect.gen(function* () {
        const { config: base, weights, folder, ids } = yield* readCase(name);
        const { config, read } = yield* loadAdapter(`${folder}/adapter`, base);
        const { tensors: golden } = yield* readTensors(`${folder}/adapter/golden.safetensors`);
        const specs = adapterSpecs(config);
        assert.strictEqual(specs.length, 14 * config.num_hidden_layers);
        const all: Record<string, Float32Array<ArrayBuffer>> = {};
        for (const key of Object.keys(weights)) all[key] = Float32Array.from(weights[key]!);
        for (const { name: key } of specs) all[key] = yield* read(key);

        const inputs = parameterInputs(config);
        const { rows, loss } = forward(config, inputs, ids);
        const gradients = gradient(
          loss,
          specs.map(({ name: key }) => inputs[key]!),
        );
        const outputs = Object.fromEntries(
          specs.map(({ name: key }, i) => [key, gradients[i]!] as const),
        );
        const results = run({ rows, loss, ...outputs }, all, ids);
        assert.isBelow(gap(results["rows"]!, golden["logits"]!), LOGITS, "logits");
        for (const { name: key } of specs) {
          const expected = golden[`gradient/base_model.model.${key}`]!;
          assert.isBelow(gap(results[key]!, expected), GRADIENTS, key);
        }

        const merge = mergedParameters(config, (key) => Effect.succeed(all[key]!));
        const merged: Record<string, Float32Array> = {};
        for (const key of Object.keys(weights)) merged[key] = yield* merge(key);
        const plain = forward(base, parameterInputs(base), ids);
        const unmerged = Float32Array.from(results["rows"]!);
        assert.isBelow(gap(run({ rows: plain.rows }, merged, ids)["rows"]!, unmerged), 1e-5);
      }),
  );
});
