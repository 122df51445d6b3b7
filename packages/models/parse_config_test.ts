import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { type DecoderConfig, endTokenIds } from "./config.ts";
import { configJson, configText, parseConfig } from "./parse_config.ts";

const sizes = {
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  transformers_version: "4.57.0",
};
const llama = {
  ...sizes,
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_act: "silu",
  rope_scaling: null,
  eos_token_id: [2, 3],
};
const qwen2 = { ...sizes, model_type: "qwen2", num_key_value_heads: 2 };
const qwen3 = { ...sizes, model_type: "qwen3", num_key_value_heads: 2 };
const smollm3 = { ...sizes, model_type: "smollm3", eos_token_id: 5 };
const gemma = { ...sizes, model_type: "gemma3_text" };

/** What a configuration has beyond llama's. */
const featuresOf = (config: DecoderConfig) => {
  const { layer_types, sliding_window, rope_scaling, no_rope_layers } = config;
  return { layer_types, sliding_window, rope_scaling, no_rope_layers };
};

describe("parseConfig", () => {
  it.effect("parseConfig() fills in what Hugging Face's LlamaConfig fills in", () =>
    Effect.gen(function* () {
      const config = yield* parseConfig(llama);
      assert.strictEqual(config.num_key_value_heads, 4);
      assert.strictEqual(config.head_dim, 16);
      assert.strictEqual(config.rms_norm_eps, 1e-6);
      assert.strictEqual(config.rope_theta, 10_000);
      assert.isFalse(config.tie_word_embeddings);
      assert.strictEqual(config.torch_dtype, "float32");
      assert.deepStrictEqual(endTokenIds(config), [2, 3]);
    }),
  );

  it.effect.each([
    llama,
    { ...llama, attention_bias: true, mlp_bias: true },
    { ...llama, model_type: "canon_llama", short_conv_kernel: 4, eos_token_id: 1 },
    { ...llama, rope_scaling: { type: "linear", factor: 4 } },
    qwen2,
    { ...qwen2, use_sliding_window: true, sliding_window: 8, max_window_layers: 2 },
    { ...qwen3, rope_scaling: { type: "yarn", factor: 4, mscale: 0.7, mscale_all_dim: 1 } },
    { ...qwen3, attention_bias: true, head_dim: 32 },
    smollm3,
    { ...smollm3, use_sliding_window: true, sliding_window: 8, no_rope_layer_interval: 2 },
    gemma,
    { ...gemma, final_logit_softcapping: 30, rope_scaling: { rope_type: "linear", factor: 8 } },
    { ...gemma, sliding_window_pattern: 1, attention_bias: true },
  ])("parseConfig() gives back what configJson() wrote of %j", (json) =>
    Effect.gen(function* () {
      const config = yield* parseConfig(json);
      assert.deepStrictEqual(yield* parseConfig(configJson(config)), config);
      assert.deepStrictEqual(yield* parseConfig(JSON.parse(configText(config))), config);
    }),
  );

  it.effect("configText() writes floats as floats, as transformers insists", () =>
    Effect.gen(function* () {
      const text = configText(yield* parseConfig({ ...gemma, final_logit_softcapping: 30 }));
      assert.include(text, '"final_logit_softcapping": 30.0,');
      assert.include(text, '"rope_theta": 1000000.0,');
      assert.include(text, '"hidden_size": 64,');
    }),
  );

  it.effect("parseConfig() reads the base of rotary embeddings from either place", () =>
    Effect.gen(function* () {
      const rope_parameters = { rope_type: "default", rope_theta: 500_000 };
      assert.strictEqual((yield* parseConfig({ ...llama, rope_parameters })).rope_theta, 500_000);
      assert.strictEqual((yield* parseConfig({ ...llama, rope_theta: 7 })).rope_theta, 7);
      const both = { ...llama, rope_theta: 7, rope_parameters };
      assert.strictEqual((yield* parseConfig(both)).rope_theta, 500_000);
    }),
  );

  it.effect("parseConfig() fills in what a scaling leaves out", () =>
    Effect.gen(function* () {
      const json = { ...llama, max_position_embeddings: 64, rope_scaling: { type: "yarn" } };
      const yarn = yield* parseConfig({
        ...json,
        rope_scaling: { ...json.rope_scaling, original_max_position_embeddings: 16 },
      });
      assert.deepStrictEqual(yarn.rope_scaling, {
        rope_type: "yarn",
        factor: 4,
        original_max_position_embeddings: 16,
        beta_fast: 32,
        beta_slow: 1,
        truncate: true,
      });
    }),
  );

  it.effect("parseConfig() knows which layers slide, whichever way it is said", () =>
    Effect.gen(function* () {
      const of = (json: object) => Effect.map(parseConfig(json), featuresOf);
      const [near, all] = ["sliding_attention", "full_attention"] as const;
      const off = {
        layer_types: undefined,
        sliding_window: undefined,
        rope_scaling: undefined,
        no_rope_layers: undefined,
      };
      // What Qwen ships: a window that is switched off.
      const shipped = { ...qwen2, use_sliding_window: false, sliding_window: 32_768 };
      assert.deepStrictEqual(yield* of(shipped), off);
      const on = { ...qwen3, use_sliding_window: true, sliding_window: 8, max_window_layers: 3 };
      assert.deepStrictEqual(yield* of(on), {
        ...off,
        layer_types: [all, all, all, near],
        sliding_window: 8,
      });
      assert.deepStrictEqual(yield* of({ ...smollm3, sliding_window: null }), {
        ...off,
        no_rope_layers: [1, 1, 1, 0],
      });
      const patterned = { ...gemma, _sliding_window_pattern: 2, sliding_window: 512 };
      assert.deepStrictEqual(yield* of(patterned), {
        ...off,
        layer_types: [near, all, near, all],
        sliding_window: 512,
      });
    }),
  );

  it.effect.each([
    [llama, { model_type: "gpt2" }, "model_type", 'qwen2, qwen3, gemma3_text, smollm3, got "gpt2"'],
    [llama, { rope_scaling: { rope_type: "dynamic", factor: 8 } }, "rope_scaling", 'got "dynamic"'],
    [llama, { rope_parameters: { rope_type: "longrope" } }, "rope_parameters", 'got "longrope"'],
    [llama, { rope_scaling: { type: "linear" } }, "rope_scaling", "as factor, got none"],
    [
      llama,
      { rope_scaling: { type: "llama3", factor: 8, low_freq_factor: "1" } },
      "rope_scaling",
      'as low_freq_factor, got "1"',
    ],
    [
      llama,
      { rope_parameters: { rope_type: "default", factor: 2 } },
      "rope_parameters",
      "got factor: 2",
    ],
    [
      llama,
      { rope_parameters: { partial_rotary_factor: 0.5 } },
      "rope_parameters",
      "got partial_rotary_factor: 0.5",
    ],
    [llama, { hidden_act: "gelu" }, "hidden_act", 'Expected "silu", got "gelu"'],
    [llama, { sliding_window: 4096 }, "sliding_window", "got 4096"],
    [llama, { attention_dropout: 0.1 }, "attention_dropout", "got 0.1"],
    [llama, { quantization_config: { bits: 4 } }, "quantization_config", "not supported"],
    [llama, { logit_softcap: 30 }, "logit_softcap", "got logit_softcap: 30"],
    [llama, { auto_map: {} }, "auto_map", "got auto_map: {}"],
    [llama, { constructor: 1 }, "constructor", "got constructor: 1"],
    [llama, { num_key_value_heads: 3 }, "num_key_value_heads", "divisor of num_attention_heads 4"],
    [llama, { head_dim: 5 }, "head_dim", "an even whole number, got 5"],
    [llama, { hidden_size: 66 }, "head_dim", "got 16.5"],
    [llama, { short_conv_kernel: 4 }, "short_conv_kernel", "got short_conv_kernel: 4"],
    [llama, { model_type: "canon_llama" }, "short_conv_kernel", "Expected 4 for canon_llama"],
    [llama, { vocab_size: 0 }, "vocab_size", "vocab_size"],
    [llama, { eos_token_id: 100 }, "eos_token_id", "below vocab_size 100, got 100"],
    [llama, { qk_norm: true }, "qk_norm", "got qk_norm: true"],
    [qwen2, { attention_bias: true }, "attention_bias", "got attention_bias: true"],
    [qwen2, { use_mrope: true }, "use_mrope", "got true"],
    [qwen2, { layer_types: ["full_attention"] }, "layer_types", "one of each of 4 layers, got 1"],
    [
      qwen3,
      { layer_types: Array(4).fill("sliding_attention") },
      "sliding_window",
      "for sliding layers, got none",
    ],
    [qwen3, { layer_types: Array(4).fill("chunked_attention") }, "layer_types", "layer_types"],
    [smollm3, { no_rope_layers: [1, 0] }, "no_rope_layers", "one of each of 4 layers, got 2"],
    [gemma, { attn_logit_softcapping: 50 }, "attn_logit_softcapping", "got 50"],
    [gemma, { use_bidirectional_attention: true }, "use_bidirectional_attention", "got true"],
    [gemma, { hidden_activation: "gelu" }, "hidden_activation", 'got "gelu"'],
    [
      gemma,
      { rope_parameters: { sliding_attention: { rope_type: "linear", factor: 2 } } },
      "rope_parameters",
      'default in sliding_attention, got "linear"',
    ],
    [
      gemma,
      { rope_parameters: { rope_type: "linear", factor: 2 } },
      "rope_parameters",
      "only full_attention and sliding_attention",
    ],
  ] as const)("parseConfig() of %j refuses %j, naming the key", ([json, change, key, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parseConfig({ ...json, ...change }));
      assert.strictEqual(error.key, key);
      assert.include(error.message, message);
    }),
  );
});
