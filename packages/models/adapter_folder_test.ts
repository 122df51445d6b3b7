import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { LoraSettings } from "@resd/core";
import { Effect, FileSystem, Result, Schema } from "effect";
import { loadAdapter, readAdapterBase, saveAdapter } from "./adapter_folder.ts";
import type { DecoderConfig } from "./config.ts";
import { resolveLora } from "./lora_targets.ts";
import { adapterSpecs, initialize } from "./parameters.ts";

const BASE: DecoderConfig = {
  model_type: "llama",
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 48,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  eos_token_id: 1,
  bos_token_id: null,
  pad_token_id: 0,
};

const adapted = (settings: Partial<LoraSettings> = {}): DecoderConfig => ({
  ...BASE,
  lora: Result.getOrThrow(
    resolveLora(BASE, { ...Schema.decodeUnknownSync(LoraSettings)({}), ...settings }),
  ),
});

/** An adapter on disk. */
const saved = Effect.fnUntraced(function* (config: DecoderConfig) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const matrices = initialize(config, 3, adapterSpecs(config));
  const origin = { base: "org/base", revision: "main", baseDigest: "d1" };
  yield* saveAdapter(folder, config, (name) => Effect.succeed(matrices.get(name)!), origin);
  return { folder, matrices };
});

/** The saved configuration with other values. */
const changed = Effect.fnUntraced(function* (folder: string, values: object) {
  const fs = yield* FileSystem.FileSystem;
  const path = `${folder}/adapter_config.json`;
  const json = JSON.parse(yield* fs.readFileString(path)) as object;
  yield* fs.writeFileString(path, JSON.stringify({ ...json, ...values }));
  return json;
});

const refusal = (folder: string) => Effect.flip(Effect.scoped(loadAdapter(folder, BASE)));

layer(NodeServices.layer)("adapter folders", (it) => {
  it.effect("loadAdapter() gives back what saveAdapter() wrote", () =>
    Effect.gen(function* () {
      const config = adapted({ r: 3, lora_alpha: 5, use_rslora: true });
      const { folder, matrices } = yield* saved(config);
      const found = yield* loadAdapter(folder, BASE);
      assert.deepStrictEqual(found.config, config);
      assert.strictEqual(found.baseDigest, "d1");
      assert.deepStrictEqual(yield* readAdapterBase(folder), {
        base: "org/base",
        revision: "main",
      });
      for (const [name, values] of matrices) {
        assert.deepStrictEqual(yield* found.read(name), values);
      }
    }),
  );

  it.effect("loadAdapter() finds the maps as PEFT does, and names are as short as PEFT needs", () =>
    Effect.gen(function* () {
      const config = adapted({ target_modules: ["q_proj", "layers.1.mlp.down_proj"] });
      const { folder } = yield* saved(config);
      assert.deepStrictEqual(config.lora!.maps, [
        "model.layers.0.self_attn.q_proj",
        "model.layers.1.self_attn.q_proj",
        "model.layers.1.mlp.down_proj",
      ]);
      assert.deepStrictEqual((yield* loadAdapter(folder, BASE)).config, config);
      const ways = [
        {
          target_modules: [
            "model.layers.0.self_attn.q_proj",
            "1.self_attn.q_proj",
            "1.mlp.down_proj",
          ],
        },
        { target_modules: ".*q_proj|.*1\\.mlp\\.down_proj" },
      ];
      for (const way of ways) {
        yield* changed(folder, way);
        assert.deepStrictEqual((yield* loadAdapter(folder, BASE)).config, config);
      }
      const { folder: short } = yield* saved(adapted({ target_modules: ["self_attn.v_proj"] }));
      const json = yield* changed(short, {
        target_modules: "all-linear",
        exclude_modules: ["o_proj", "q_proj", "k_proj", "mlp.gate_proj", "up_proj", "down_proj"],
        layers_to_transform: [0, 1],
      });
      assert.deepNestedInclude(json, { target_modules: ["v_proj"] });
      assert.strictEqual((yield* loadAdapter(short, BASE)).config.lora!.maps.length, 2);
    }),
  );

  it.effect("loadAdapter() refuses by name whatever would change the numbers", () =>
    Effect.gen(function* () {
      const { folder } = yield* saved(adapted());
      const harmless = { lora_dropout: 0.1, peft_version: "0.21.2", kasa_config: null };
      const before = yield* changed(folder, harmless);
      yield* Effect.scoped(loadAdapter(folder, BASE));
      const values = {
        peft_type: "IA3",
        task_type: "SEQ_CLS",
        r: 0,
        bias: "all",
        use_dora: true,
        fan_in_fan_out: true,
        modules_to_save: ["lm_head"],
        rank_pattern: { q_proj: 4 },
        alpha_pattern: { q_proj: 4 },
        init_lora_weights: "pissa",
        target_modules: ["lm_head"],
        layer_replication: [[0, 1]],
        some_later_key: true,
      };
      for (const [key, value] of Object.entries(values)) {
        yield* changed(folder, { ...before, [key]: value });
        const error = yield* refusal(folder);
        assert.strictEqual(error._tag, "AdapterError", key);
        assert.include(error.message, key);
        assert.include(error.message, "got");
        yield* changed(folder, { ...before, [key]: undefined });
      }
    }),
  );

  it.effect("loadAdapter() refuses weights that are not those of the configuration", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const { folder } = yield* saved(adapted());
      const before = yield* changed(folder, { r: 4 });
      assert.match((yield* refusal(folder)).message, /lora_A\.weight \[4, 8\], got \[8, 8\]/u);
      yield* changed(folder, { ...before, target_modules: ["q_proj"] });
      assert.match((yield* refusal(folder)).message, /Expected only matrices.*down_proj/u);
      yield* changed(folder, before);
      const { folder: other } = yield* saved(adapted({ target_modules: ["q_proj"] }));
      yield* fs.copyFile(`${folder}/adapter_config.json`, `${other}/adapter_config.json`);
      assert.match((yield* refusal(other)).message, /k_proj\.lora_A\.weight \[8, 8\], got none/u);

      const weights = `${folder}/adapter_model.safetensors`;
      const bytes = yield* fs.readFile(weights);
      bytes.fill(0xff, bytes.length - 4);
      yield* fs.writeFile(weights, bytes);
      const open = yield* loadAdapter(folder, BASE);
      const last = adapterSpecs(open.config)
        .map(({ name }) => name)
        .toSorted()
        .at(-1)!;
      assert.match((yield* Effect.flip(open.read(last))).message, /Expected finite.*NaN/u);
      yield* fs.truncate(weights, bytes.length - 1);
      assert.strictEqual((yield* refusal(folder))._tag, "SafetensorsError");
      yield* fs.remove(weights);
      assert.match((yield* refusal(folder)).message, /safe_serialization/u);
      yield* fs.writeFileString(`${folder}/adapter_config.json`, "{");
      assert.match((yield* refusal(folder)).message, /Expected JSON.*adapter_config/u);
      yield* fs.remove(`${folder}/adapter_config.json`);
      assert.match((yield* refusal(folder)).message, /got no such file/u);
    }),
  );
});
