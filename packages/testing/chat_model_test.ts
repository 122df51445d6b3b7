import { NodeServices } from "@effect/platform-node";
import { hidden, loadFolder, logits, parameterInputs } from "@resd/models";
import { graph, input, interpret, reshape } from "@resd/tensor";
import { loadTokenizer } from "@resd/tokenizers";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { writeChatModel } from "./chat_model.ts";

const temporary = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped());

layer(NodeServices.layer)("chat_model", (it) => {
  describe("writeChatModel", () => {
    it.effect("writeChatModel() writes a folder that loads, encodes a chat, and predicts", () =>
      Effect.gen(function* () {
        const folder = `${yield* temporary}/model`;
        const config = yield* writeChatModel(folder, { seed: 5 });
        const tokenizer = yield* loadTokenizer(folder);
        assert.strictEqual(tokenizer.vocabSize, config.vocab_size);
        assert.strictEqual(tokenizer.eosId, config.eos_token_id);
        const said = "Is <|im_end|> of the user? Ünïcode 🦊";
        const prompt = yield* Effect.fromResult(
          tokenizer.renderChat([{ role: "user", content: said }], { reply: true }),
        );
        const ids = yield* Effect.fromResult(tokenizer.encode(prompt));
        assert.strictEqual(tokenizer.decode(ids), `user\n${said}\nassistant\n`);
        assert.strictEqual(ids.filter((id) => tokenizer.controls.has(id)).length, 3);

        const model = yield* loadFolder(folder);
        assert.deepStrictEqual(model.config, config);
        const T = ids.length;
        const parameters = parameterInputs(config);
        const states = hidden(config, parameters, input("ids", [1, T], "i32"));
        const rows = logits(config, parameters, reshape(states, [T, config.hidden_size]));
        const weights = Object.fromEntries(yield* model.parameters.readAll);
        const result = interpret(graph({ rows }), { ...weights, ids });
        assert.isTrue(result["rows"]!.every(Number.isFinite));
      }),
    );

    it.effect("writeChatModel() depends on its options alone", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const weightsOf = Effect.fnUntraced(function* (seed: number) {
          const folder = yield* temporary;
          yield* writeChatModel(folder, { seed, config: { num_hidden_layers: 1 } });
          return yield* fs.readFile(`${folder}/model.safetensors`);
        });
        assert.deepStrictEqual(yield* weightsOf(1), yield* weightsOf(1));
        assert.notDeepEqual(yield* weightsOf(1), yield* weightsOf(2));
      }),
    );
  });
});
