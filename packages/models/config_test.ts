import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { configJson, endTokenIds, parseConfig } from "./config.ts";

const llama = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  hidden_act: "silu",
  rope_scaling: null,
  eos_token_id: [2, 3],
  transformers_version: "4.57.0",
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

  it.effect("parseConfig() gives back what configJson() wrote, of both families", () =>
    Effect.gen(function* () {
      const canon = { ...llama, model_type: "canon_llama", short_conv_kernel: 4, eos_token_id: 1 };
      for (const json of [llama, canon]) {
        const config = yield* parseConfig(json);
        assert.deepStrictEqual(yield* parseConfig(configJson(config)), config);
      }
    }),
  );

  it.effect("parseConfig() reads the base of rotary embeddings from either place", () =>
    Effect.gen(function* () {
      const rope_parameters = { rope_type: "default", rope_theta: 500_000 };
      assert.strictEqual((yield* parseConfig({ ...llama, rope_parameters })).rope_theta, 500_000);
      assert.strictEqual((yield* parseConfig({ ...llama, rope_theta: 7 })).rope_theta, 7);
    }),
  );

  it.effect.each([
    [{ model_type: "qwen2" }, "model_type", 'got "qwen2"'],
    [{ rope_scaling: { rope_type: "llama3", factor: 8 } }, "rope_scaling", 'got "llama3"'],
    [{ rope_parameters: { rope_type: "yarn" } }, "rope_parameters", 'got "yarn"'],
    [{ attention_bias: true }, "attention_bias", "Expected false, got true"],
    [{ mlp_bias: true }, "mlp_bias", "Expected false, got true"],
    [{ hidden_act: "gelu" }, "hidden_act", 'Expected "silu", got "gelu"'],
    [{ sliding_window: 4096 }, "sliding_window", "got 4096"],
    [{ attention_dropout: 0.1 }, "attention_dropout", "got 0.1"],
    [{ quantization_config: { bits: 4 } }, "quantization_config", "not supported"],
    [{ logit_softcap: 30 }, "logit_softcap", "got logit_softcap: 30"],
    [{ num_key_value_heads: 3 }, "num_key_value_heads", "divisor of num_attention_heads 4"],
    [{ head_dim: 5 }, "head_dim", "an even whole number, got 5"],
    [{ hidden_size: 66 }, "head_dim", "got 16.5"],
    [{ short_conv_kernel: 4 }, "short_conv_kernel", "Expected no such key for llama, got 4"],
    [{ model_type: "canon_llama" }, "short_conv_kernel", "Expected 4 for canon_llama, got none"],
    [{ vocab_size: 0 }, "vocab_size", "vocab_size"],
    [{ eos_token_id: 100 }, "eos_token_id", "below vocab_size 100, got 100"],
  ] as const)("parseConfig() refuses %j, naming the key", ([change, key, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(parseConfig({ ...llama, ...change }));
      assert.strictEqual(error.key, key);
      assert.include(error.message, message);
    }),
  );
});
