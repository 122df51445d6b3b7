import { NodeServices } from "@effect/platform-node";
import { Message } from "@resd/core";
import { assert, layer } from "@effect/vitest";
import { Effect, FileSystem, Schema } from "effect";
import { loadTokenizer } from "./tokenizer.ts";

/** Written by tools/parity/tokenizer_golden.py with Hugging Face tokenizers and transformers. */
const Golden = Schema.fromJsonString(
  Schema.Struct({
    texts: Schema.Array(Schema.Struct({ text: Schema.String, ids: Schema.Array(Schema.Int) })),
    chats: Schema.Array(
      Schema.Struct({
        messages: Schema.Array(Message),
        reply: Schema.Boolean,
        ids: Schema.Array(Schema.Int),
      }),
    ),
  }),
);

const folder = new URL("./fixtures/chat", import.meta.url).pathname;

layer(NodeServices.layer)("golden", (it) => {
  it.effect(
    "encodeText(), encode() and renderChat() give the ids of Hugging Face transformers",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const golden = yield* Schema.decodeEffect(Golden)(
          yield* fs.readFileString(`${folder}/golden.json`),
        );
        const tokenizer = yield* loadTokenizer(folder);
        for (const { text, ids } of golden.texts) {
          assert.deepStrictEqual([...tokenizer.encodeText(text)], ids, text);
          assert.strictEqual(tokenizer.decode(ids), text);
        }
        for (const { messages, reply, ids } of golden.chats) {
          const prompt = yield* Effect.fromResult(tokenizer.renderChat(messages, { reply }));
          const got = yield* Effect.fromResult(tokenizer.encode(prompt));
          assert.deepStrictEqual([...got], ids);
        }
        assert.strictEqual(tokenizer.vocabSize, 362);
        assert.strictEqual(tokenizer.eosId, 2);
      }),
  );
});
