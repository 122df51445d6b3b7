import { NodeFileSystem } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { PreTrainedTokenizer } from "@xenova/transformers";
import { Effect, FileSystem } from "effect";
import { documentAt } from "./documents.ts";
import {
  CONTROL_TOKENS,
  VOCABULARY,
  tokenizerConfigJson,
  tokenizerJson,
  wordId,
  writeTokenizer,
} from "./tokenizer.ts";

const load = (json: unknown, config: unknown) =>
  new PreTrainedTokenizer(json as object, config as object);
const tokenizer = load(tokenizerJson(), tokenizerConfigJson(256));

describe("VOCABULARY", () => {
  it("VOCABULARY has 73 different words, control tokens first, and wordId() is the place of each", () => {
    assert.strictEqual(VOCABULARY.length, 73);
    assert.strictEqual(new Set(VOCABULARY).size, 73);
    assert.deepStrictEqual(VOCABULARY.slice(0, CONTROL_TOKENS.length), [...CONTROL_TOKENS]);
    VOCABULARY.forEach((word, id) => assert.strictEqual(wordId(word), id));
    assert.throws(
      () => wordId("constructor"),
      /Expected a word of the reference model's vocabulary/,
    );
  });
});

describe("tokenizerJson", () => {
  it("tokenizerJson() encodes every document as the ids of its words, and decodes it back", () => {
    for (let index = 0; index < 200; index++) {
      const { words } = documentAt(3, index, 1);
      const text = words.join(" ");
      const ids = tokenizer.encode(text, { add_special_tokens: false });
      assert.deepStrictEqual(ids, words.map(wordId));
      assert.strictEqual(tokenizer.decode(ids, { skip_special_tokens: false }), text);
    }
  });

  it("tokenizerJson() encodes a word that it does not know as <unk>", () => {
    assert.deepStrictEqual(tokenizer.encode("10: hello KEL", { add_special_tokens: false }), [
      wordId("10:"),
      wordId("<unk>"),
      wordId("KEL"),
    ]);
  });

  it("tokenizerJson() marks the control tokens as special, so that skipping them leaves the text", () => {
    const ids = ["<prog>", "10:", "disk", "OUX", "<end>"].map(wordId);
    assert.strictEqual(tokenizer.decode(ids, { skip_special_tokens: true }), "10: disk OUX");
  });

  it("tokenizerConfigJson() names padding, end and unknown", () => {
    assert.strictEqual(tokenizer.pad_token, "<pad>");
    assert.strictEqual(tokenizer.eos_token, "<end>");
    assert.strictEqual(tokenizer.unk_token, "<unk>");
    assert.strictEqual(tokenizer.model_max_length, 256);
  });
});

describe("writeTokenizer", () => {
  it.effect("writeTokenizer() writes files that load as the same tokenizer", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem;
      const folder = yield* files.makeTempDirectoryScoped();
      yield* writeTokenizer(folder, 256);
      const read = (name: string) =>
        Effect.map(files.readFileString(`${folder}/${name}`), (text) => JSON.parse(text));
      assert.deepStrictEqual((yield* files.readDirectory(folder)).toSorted(), [
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
      ]);
      const loaded = load(yield* read("tokenizer.json"), yield* read("tokenizer_config.json"));
      const text = VOCABULARY.join(" ");
      assert.deepStrictEqual(loaded.encode(text, { add_special_tokens: false }), [
        ...VOCABULARY.keys(),
      ]);
      assert.strictEqual((yield* read("special_tokens_map.json")).eos_token, "<end>");
    }).pipe(Effect.provide(NodeFileSystem.layer)),
  );
});
