import { assert, describe, it } from "vitest";
import type { DecoderConfig } from "./config.ts";
import { initialize, parameterCount, parameterInputs, parameterSpecs } from "./parameters.ts";

const config: DecoderConfig = {
  model_type: "canon_llama",
  vocab_size: 101,
  hidden_size: 128,
  intermediate_size: 344,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  head_dim: 32,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
  torch_dtype: "float32",
  eos_token_id: null,
  bos_token_id: null,
  pad_token_id: null,
  short_conv_kernel: 4,
};

const spread = (data: Float32Array): number =>
  Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);

describe("parameterSpecs", () => {
  it("parameterSpecs() lists Hugging Face's names once each, with the head only when untied", () => {
    const names = parameterSpecs(config).map(({ name }) => name);
    assert.strictEqual(names.length, 1 + 4 * 10 + 1);
    assert.strictEqual(new Set(names).size, names.length);
    assert.include(names, "model.layers.3.self_attn.short_conv.weight");
    assert.notInclude(names, "lm_head.weight");
    const untied = parameterSpecs({ ...config, tie_word_embeddings: false });
    assert.deepStrictEqual(untied.at(-1)?.shape, [101, 128]);
    assert.strictEqual(untied.at(-1)?.name, "lm_head.weight");
  });
  it("parameterSpecs() marks only linear maps of the blocks as matrices", () => {
    const matrices = parameterSpecs(config).filter(({ matrix }) => matrix);
    assert.strictEqual(matrices.length, 4 * 7);
    assert.isTrue(matrices.every(({ name }) => name.includes("_proj")));
  });
  it("parameterCount() counts scalars", () => {
    const block = 2 * 128 + 3 * 128 + 4 * 128 * 128 + 3 * 128 * 344;
    assert.strictEqual(parameterCount(config), 101 * 128 + 4 * block + 128);
  });
});

describe("initialize", () => {
  const parameters = initialize(config, 1);
  const of = (name: string) => parameters.get(name)!;
  it("initialize() draws each kind of parameter with its own spread", () => {
    assert.closeTo(spread(of("model.embed_tokens.weight")), 0.02, 0.001);
    assert.closeTo(spread(of("model.layers.0.self_attn.q_proj.weight")), 128 ** -0.5, 0.002);
    const shrunk = 344 ** -0.5 / Math.sqrt(8);
    assert.closeTo(spread(of("model.layers.2.mlp.down_proj.weight")), shrunk, 0.0005);
    const taps = of("model.layers.1.self_attn.short_conv.weight");
    assert.isTrue(taps.every((tap) => Math.abs(tap) <= 0.5));
    assert.closeTo(spread(taps), 0.5 / Math.sqrt(3), 0.03);
    assert.isTrue(of("model.norm.weight").every((value) => value === 1));
  });
  it("initialize() depends on the seed, and on nothing else", () => {
    const small = { ...config, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1 };
    const first = initialize(small, 1);
    assert.deepStrictEqual(initialize(small, 1), first);
    const name = "model.layers.0.self_attn.k_proj.weight";
    const deeper = initialize({ ...small, num_hidden_layers: 2, tie_word_embeddings: false }, 1);
    assert.notStrictEqual(deeper.size, first.size);
    assert.deepStrictEqual(deeper.get(name), first.get(name));
    assert.notDeepEqual(initialize(small, 2).get(name), first.get(name));
  });
});

describe("parameterInputs", () => {
  it("parameterInputs() names inputs with a prefix", () => {
    const { "model.norm.weight": norm } = parameterInputs(config, "s/");
    assert.strictEqual(norm?.node.attributes["name"], "s/model.norm.weight");
    assert.deepStrictEqual(norm?.shape, [128]);
  });
});
