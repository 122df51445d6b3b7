import { NodeServices } from "@effect/platform-node";
import { decodeBF16, encodeBF16, writeSafetensors } from "@resd/safetensors";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import type { DecoderConfig } from "./config.ts";
import { companionFiles, loadFolder } from "./folder.ts";
import { saveFolder } from "./save_folder.ts";
import { initialize, parameterSpecs } from "./parameters.ts";
import { configJson } from "./parse_config.ts";

const config: DecoderConfig = {
  model_type: "llama",
  vocab_size: 11,
  hidden_size: 8,
  intermediate_size: 12,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 4,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 16,
  tie_word_embeddings: true,
  torch_dtype: "float32",
  eos_token_id: 1,
  bos_token_id: null,
  pad_token_id: 0,
};
const parameters = initialize(config, 4);
const parameterOf = (name: string) => Effect.sync(() => parameters.get(name)!);
const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped());

layer(NodeServices.layer)("folder", (it) => {
  describe("loadFolder", () => {
    it.effect("loadFolder() gives back what saveFolder() wrote", () =>
      Effect.gen(function* () {
        const folder = `${yield* temporary}/deep/model`;
        yield* saveFolder(folder, config, parameterOf, { "notes.txt": "hello" });
        const model = yield* loadFolder(folder);
        assert.deepStrictEqual(model.config, config);
        assert.deepStrictEqual(yield* model.parameters.readAll, parameters);
        const fs = yield* FileSystem.FileSystem;
        assert.strictEqual(yield* fs.readFileString(`${folder}/notes.txt`), "hello");
        assert.sameMembers(yield* fs.readDirectory(folder), [
          "config.json",
          "model.safetensors",
          "notes.txt",
        ]);
      }),
    );

    it.effect("loadFolder() widens weights that are stored in 16 bits", () =>
      Effect.gen(function* () {
        const folder = yield* temporary;
        yield* saveFolder(folder, { ...config, torch_dtype: "bfloat16" }, parameterOf);
        const model = yield* loadFolder(folder);
        const name = "model.embed_tokens.weight";
        const rounded = new Float32Array(parameters.get(name)!.length);
        decodeBF16(encodeBF16(parameters.get(name)!), rounded);
        assert.deepStrictEqual(yield* model.parameters.read(name), rounded);
      }),
    );

    it.effect("loadFolder() refuses weights that do not fit their config, naming the tensor", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* temporary;
        const messageOf = Effect.map(Effect.flip(loadFolder(folder)), ({ message }) => message);
        assert.include(yield* messageOf, "Expected config.json, got no such file");
        yield* fs.writeFileString(`${folder}/config.json`, "{");
        assert.include(yield* messageOf, "Expected JSON");
        yield* fs.writeFileString(`${folder}/config.json`, JSON.stringify(configJson(config)));
        assert.include(yield* messageOf, "Expected model.safetensors");
        const all = parameterSpecs(config).map(({ name, shape }) => ({
          name,
          shape,
          dtype: "F32" as const,
          data: parameters.get(name)!,
        }));
        const write = (tensors: typeof all) =>
          writeSafetensors(`${folder}/model.safetensors`, tensors);
        yield* write(all.slice(1));
        assert.include(
          yield* messageOf,
          "Expected tensor model.embed_tokens.weight [11, 8], got none",
        );
        const flat = { ...all[0]!, shape: [88] };
        yield* write([flat, ...all.slice(1)]);
        assert.include(yield* messageOf, "model.embed_tokens.weight to be [11, 8], got [88]");
        const bias = "model.layers.0.self_attn.q_proj.bias";
        yield* write([...all, { ...all.at(-1)!, name: bias }]);
        assert.include(yield* messageOf, `got ${bias}`);
        yield* write([...all, { ...all[0]!, name: "lm_head.weight" }]);
        assert.deepStrictEqual((yield* loadFolder(folder)).config, config);
      }),
    );
  });

  describe("companionFiles", () => {
    it.effect("companionFiles() gives the tokenizer's files and no others", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* temporary;
        yield* fs.writeFileString(`${folder}/tokenizer.json`, "{}");
        yield* fs.writeFileString(`${folder}/optimizer.bin`, "x");
        const files = yield* companionFiles(folder);
        assert.deepStrictEqual(Object.keys(files), ["tokenizer.json"]);
      }),
    );
  });
});
