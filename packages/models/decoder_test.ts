import {
  gradient,
  graph,
  input,
  interpret,
  mul,
  reshape,
  sum,
  type Tensor,
  type Values,
} from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { decodeStep, prefill } from "./cache.ts";
import type { DecoderConfig } from "./config.ts";
import { hidden, logits } from "./decoder.ts";
import { initialize, parameterInputs } from "./parameters.ts";

const base: DecoderConfig = {
  model_type: "llama",
  vocab_size: 23,
  hidden_size: 12,
  intermediate_size: 20,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 3,
  head_dim: 4,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  torch_dtype: "float32",
  eos_token_id: 1,
  bos_token_id: null,
  pad_token_id: 0,
};
const CASES: ReadonlyArray<readonly [string, DecoderConfig]> = [
  ["llama, tied", base],
  [
    "llama, untied, grouped queries, wide heads",
    {
      ...base,
      tie_word_embeddings: false,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 6,
    },
  ],
  ["canon_llama, tied", { ...base, model_type: "canon_llama", short_conv_kernel: 4 }],
  [
    "qwen2, sliding windows",
    {
      ...base,
      model_type: "qwen2",
      num_attention_heads: 4,
      num_key_value_heads: 2,
      projection_bias: "qkv",
      layer_types: ["full_attention", "sliding_attention"],
      sliding_window: 3,
    },
  ],
  [
    "qwen3, yarn",
    {
      ...base,
      model_type: "qwen3",
      tie_word_embeddings: false,
      qk_norm: true,
      rope_scaling: {
        rope_type: "yarn",
        factor: 4,
        original_max_position_embeddings: 4,
        beta_fast: 2,
        beta_slow: 0.5,
        truncate: false,
      },
    },
  ],
  [
    "gemma3_text",
    {
      ...base,
      model_type: "gemma3_text",
      num_attention_heads: 4,
      num_key_value_heads: 2,
      layer_types: ["sliding_attention", "full_attention"],
      sliding_window: 2,
      rope_local_base_freq: 100,
      rope_scaling: { rope_type: "linear", factor: 4 },
      hidden_act: "gelu_pytorch_tanh",
      qk_norm: true,
      sandwich_norms: true,
      norm_offset: true,
      embedding_scale: 3,
      query_pre_attn_scalar: 9,
      final_logit_softcapping: 4,
    },
  ],
  [
    "smollm3, with all biases",
    {
      ...base,
      model_type: "smollm3",
      no_rope_layers: [1, 0],
      layer_types: ["full_attention", "sliding_attention"],
      sliding_window: 3,
      projection_bias: "qkvo",
      mlp_bias: true,
    },
  ],
  [
    "canon_llama, untied, one key head",
    {
      ...base,
      model_type: "canon_llama",
      short_conv_kernel: 4,
      tie_word_embeddings: false,
      num_key_value_heads: 1,
    },
  ],
];

/** Norm weights away from 1, biases away from 0, and bigger embeddings, so that a mistake anywhere shows. */
const parametersOf = (config: DecoderConfig): Record<string, Float32Array> => {
  const parameters = Object.fromEntries(initialize(config, 3));
  for (const [name, data] of Object.entries(parameters)) {
    if (name.endsWith("norm.weight")) data.forEach((_, i) => (data[i] = 0.7 + 0.1 * (i % 5)));
    if (name.endsWith(".bias")) data.forEach((_, i) => (data[i] = 0.2 - 0.1 * (i % 4)));
    if (name.endsWith("embed_tokens.weight")) data.forEach((value, i) => (data[i] = 20 * value));
  }
  return parameters;
};

const run = (
  outputs: Record<string, Tensor>,
  feeds: Record<string, ArrayLike<number>>,
): Record<string, Values> => interpret(graph(outputs), feeds);

const maxGap = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.strictEqual(a.length, b.length);
  return Array.from(a).reduce((gap, value, i) => Math.max(gap, Math.abs(value - b[i]!)), 0);
};

const SEQUENCES = [[5], [7, 2, 19, 4, 11, 3], [8, 8, 1], [22, 0, 13, 6, 9]];
const B = SEQUENCES.length;
/** The sequences cut to the given lengths (whole ones by default) and right-padded to T. */
const padded = (T: number, lengths: ReadonlyArray<number> = []): Int32Array =>
  Int32Array.from(
    SEQUENCES.flatMap((sequence, b) => {
      const kept = sequence.slice(0, Math.min(T, lengths[b] ?? T));
      return [...kept, ...Array.from({ length: T - kept.length }, () => 17)];
    }),
  );

/** Logits [V] of every position of each sequence alone, from the training graph. */
const referenceLogits = (
  config: DecoderConfig,
  parameters: Record<string, Float32Array>,
  sequence: ReadonlyArray<number>,
) => {
  const T = sequence.length;
  const inputs = parameterInputs(config);
  const states = hidden(config, inputs, input("ids", [1, T], "i32"));
  const rows = logits(config, inputs, reshape(states, [T, config.hidden_size]));
  const { rows: all } = run({ rows }, { ...parameters, ids: Int32Array.from(sequence) });
  return Array.from({ length: T }, (_, t) =>
    all!.slice(t * config.vocab_size, (t + 1) * config.vocab_size),
  );
};

describe.each(CASES)("%s", (_, config) => {
  const parameters = parametersOf(config);
  const inputs = parameterInputs(config);
  const {
    hidden_size: D,
    vocab_size: V,
    num_hidden_layers: L,
    num_key_value_heads: G,
    head_dim: Dh,
  } = config;
  const reference = SEQUENCES.map((sequence) => referenceLogits(config, parameters, sequence));

  it("hidden() is causal, and padding to the right changes nothing", () => {
    const T = 6;
    const states = hidden(config, inputs, input("ids", [B, T], "i32"));
    const rows = logits(config, inputs, reshape(states, [B * T, D]));
    const { rows: all } = run({ rows }, { ...parameters, ids: padded(T) });
    for (const [b, expected] of reference.entries()) {
      for (const [t, row] of expected.entries()) {
        const at = (b * T + t) * V;
        assert.isBelow(maxGap(all!.slice(at, at + V), row), 1e-10, `sequence ${b}, position ${t}`);
      }
    }
  });

  it("decodeStep() after prefill() gives the logits of hidden(), for rows of any length", () => {
    // Every row is cut to its own prompt length, then continued token by token until the longest ends.
    const cuts = [1, 2, 1, 3];
    const T = 4;
    const C = 8;
    const ids = input("ids", [B, T], "i32");
    const read = prefill(config, inputs, ids, input("lengths", [B], "i32"));
    const names = (kind: string) =>
      read[kind as "keys"].map((tensor, i) => [`${kind}${i}`, tensor] as const);
    let state = run(
      {
        first: logits(config, inputs, read.last),
        ...Object.fromEntries([...names("keys"), ...names("values"), ...names("conv")]),
      },
      {
        ...parameters,
        ids: padded(T, cuts),
        lengths: Int32Array.from(cuts),
      },
    );
    for (const [b, expected] of reference.entries()) {
      const got = state["first"]!.slice(b * V, (b + 1) * V);
      assert.isBelow(maxGap(got, expected[cuts[b]! - 1]!), 1e-10, `prompt ${b}`);
    }

    // The host's side of the cache: capacity C, padding rows of the prefill overwritten or never visible.
    const grow = (rows: Values): Float64Array => {
      const out = new Float64Array(B * G * C * Dh).fill(123);
      for (let bg = 0; bg < B * G; bg++) {
        out.set(rows.slice(bg * T * Dh, (bg + 1) * T * Dh), bg * C * Dh);
      }
      return out;
    };
    const caches = Object.fromEntries(
      Array.from({ length: L }, (__, i) => [
        [`keys${i}`, grow(state[`keys${i}`]!)],
        [`values${i}`, grow(state[`values${i}`]!)],
      ]).flat() as Array<[string, Float64Array]>,
    );
    const conv = Object.fromEntries(
      Object.entries(state).filter(([name]) => name.startsWith("conv")),
    );
    const shape = [B, G, C, Dh];
    const layers = Array.from({ length: L }, (__, i) => i);
    const step = decodeStep(
      config,
      inputs,
      input("tokens", [B], "i32"),
      input("positions", [B], "i32"),
      {
        keys: layers.map((i) => input(`keys${i}`, shape)),
        values: layers.map((i) => input(`values${i}`, shape)),
        conv: read.conv.map((tensor, i) => input(`conv${i}`, tensor.shape)),
      },
    );
    const stepGraph = graph({
      logits: step.logits,
      ...Object.fromEntries(
        layers.flatMap((i) => [
          [`keys${i}`, step.keys[i]!],
          [`values${i}`, step.values[i]!],
        ]),
      ),
      ...Object.fromEntries(step.conv.map((tensor, i) => [`conv${i}`, tensor])),
    });
    const positions = Int32Array.from(cuts);
    for (let n = 0; n < 5; n++) {
      const tokens = Int32Array.from(SEQUENCES, (sequence, b) => sequence[positions[b]!] ?? 0);
      state = interpret(stepGraph, { ...parameters, ...caches, ...conv, tokens, positions });
      for (const [b, expected] of reference.entries()) {
        const row = expected[positions[b]!];
        if (row === undefined) continue;
        const got = state["logits"]!.slice(b * V, (b + 1) * V);
        assert.isBelow(maxGap(got, row), 1e-10, `sequence ${b}, position ${positions[b]}`);
      }
      for (const [name, cache] of Object.entries(caches)) {
        for (let b = 0; b < B; b++) {
          for (let g = 0; g < G; g++) {
            const row = state[name]!.slice((b * G + g) * Dh, (b * G + g + 1) * Dh);
            cache.set(row, ((b * G + g) * C + positions[b]!) * Dh);
          }
        }
      }
      for (const name of Object.keys(conv)) conv[name] = state[name]!;
      positions.forEach((position, b) => (positions[b] = position + 1));
    }
  });

  it("hidden() has the gradient of finite differences in every parameter", () => {
    const T = 4;
    const states = hidden(config, inputs, input("ids", [2, T], "i32"));
    const rows = logits(config, inputs, reshape(states, [2 * T, D]));
    const weight = Float64Array.from({ length: 2 * T * V }, (__, i) => Math.sin(i));
    const loss = sum(mul(rows, input("weight", [2 * T, V])));
    const names = Object.keys(inputs);
    const gradients = gradient(
      loss,
      names.map((name) => inputs[name]!),
    );
    const feeds: Record<string, ArrayLike<number>> = {
      ...parameters,
      ids: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 2),
      weight,
    };
    const all = run(Object.fromEntries(names.map((name, i) => [name, gradients[i]!])), feeds);
    const lossGraph = graph({ loss });
    const lossAt = (name: string, data: Float64Array) =>
      interpret(lossGraph, { ...feeds, [name]: data })["loss"]![0]!;
    for (const name of names) {
      const at = Math.floor(parameters[name]!.length / 3);
      const shifted = (by: number) =>
        Float64Array.from(parameters[name]!).with(at, parameters[name]![at]! + by);
      const h = 1e-5;
      const numeric = (lossAt(name, shifted(h)) - lossAt(name, shifted(-h))) / (2 * h);
      const exact = all[name]![at]!;
      assert.isBelow(Math.abs(exact - numeric), 1e-6 * Math.max(1, Math.abs(exact)), name);
    }
  });
});

describe("hidden()", () => {
  it("hidden() with checkpoints has the values and the gradients of hidden() without, bit for bit", () => {
    for (const [name, config] of CASES) {
      const inputs = parameterInputs(config);
      const names = Object.keys(inputs);
      const ids = input("ids", [2, 5], "i32");
      const outputs = (checkpoint: boolean): Record<string, Tensor> => {
        const states = hidden(config, inputs, ids, { checkpoint });
        const loss = sum(mul(states, mul(states, states)));
        const gradients = gradient(loss, Object.values(inputs));
        return {
          states,
          ...Object.fromEntries(names.map((one, i) => [one, gradients[i] as Tensor])),
        };
      };
      const feeds = { ...parametersOf(config), ids: Int32Array.of(4, 1, 9, 2, 2, 17, 3, 22, 0, 8) };
      assert.deepEqual(run(outputs(true), feeds), run(outputs(false), feeds), name);
    }
  });

  it("hidden() refuses ids of another rank or dtype, too many positions, and missing parameters", () => {
    const inputs = parameterInputs(base);
    assert.throws(
      () => hidden(base, inputs, input("ids", [4], "i32")),
      /Expected ids i32 \[B,T\], got i32 \[4\]/,
    );
    assert.throws(() => hidden(base, inputs, input("ids", [1, 4])), /got f32 \[1,4\]/);
    assert.throws(
      () => hidden(base, inputs, input("ids", [1, 33], "i32")),
      /at most 32 positions .*, got 33/,
    );
    const { "model.norm.weight": _, ...rest } = inputs;
    assert.throws(
      () => hidden(base, rest, input("ids", [1, 4], "i32")),
      /Expected parameter model.norm.weight/,
    );
  });
});

describe("decodeStep()", () => {
  it("decodeStep() refuses a cache that lacks layers", () => {
    assert.throws(
      () =>
        decodeStep(base, parameterInputs(base), input("t", [1], "i32"), input("p", [1], "i32"), {
          keys: [],
          values: [],
          conv: [],
        }),
      /Expected a cache of 2 keys, 2 values and 0 conv states, got 0, 0 and 0/,
    );
  });
});
