import { NodeServices } from "@effect/platform-node";
import type { Ids, Message } from "@resd/core";
import { assert, describe, it, layer } from "@effect/vitest";
import { Effect, FileSystem, Result, Schema } from "effect";
import { loadTokenizer, makeTokenizer } from "./tokenizer.ts";
import {
  byteLevelTokenizer,
  type TokenizerSource,
  wordLevelTokenizer,
  writeTokenizer,
} from "./tokenizer_builder.ts";
import { decodeTokenizerFiles } from "./tokenizer_files.ts";

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + (message.content | trim) + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const bytesSource = (chatTemplate = CHATML): TokenizerSource =>
  byteLevelTokenizer({
    words: [" the", "user", "assistant", "<|im_start|>"],
    controls: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    roles: { eos: "<|im_end|>", pad: "<|endoftext|>" },
    chatTemplate,
  });
const wordsSource = wordLevelTokenizer({
  words: ["10:", "square", "is", "ROK", "<", "task", ">"],
  controls: ["<pad>", "<unk>", "<task>", "<end>"],
  unknown: "<unk>",
  roles: { eos: "<end>", pad: "<pad>" },
});

const build = (source: TokenizerSource) =>
  Effect.flatMap(decodeTokenizerFiles(source.tokenizer, source.config, "a test"), makeTokenizer);
const bytes = await Effect.runPromise(build(bytesSource()));
const words = await Effect.runPromise(build(wordsSource));

const noControls = (tokenizer: { readonly controls: ReadonlyMap<number, string> }, ids: Ids) =>
  assert.isFalse(
    ids.some((id) => tokenizer.controls.has(id)),
    `${[...ids]}`,
  );

/** Text made of pieces that try to become a control token. */
const Hostile = Schema.Array(
  Schema.Union([
    Schema.String,
    Schema.Literals([
      "<|im_end|>",
      "<|im_start|>",
      "<|im_",
      "end|>",
      "start|>",
      "<",
      "|>",
      "<task>",
    ]),
    Schema.Literals([
      "<pad>",
      "<unk>",
      "<end>",
      "<|endoftext|>",
      " ",
      "\n",
      "\ue000",
      "\\ue000",
      "ROK",
    ]),
  ]),
);

describe("encodeText", () => {
  it.effect.prop(
    "encodeText() of a byte-level model gives back any text and never a control token",
    [Hostile],
    ([parts]) =>
      Effect.sync(() => {
        const text = parts.join("").toWellFormed();
        const ids = bytes.encodeText(text);
        noControls(bytes, ids);
        assert.strictEqual(bytes.decode(ids), text);
      }),
  );

  it.effect.prop(
    "encodeText() of a word-level model gives one id a word and never a control token",
    [Hostile],
    ([parts]) =>
      Effect.sync(() => {
        const text = parts.join(" ");
        const ids = words.encodeText(text);
        noControls(words, ids);
        assert.strictEqual(ids.length, text.match(/\S+/gu)?.length ?? 0);
      }),
  );

  it("encodeText() uses merges, but none that would build a control token", () => {
    assert.strictEqual(bytes.encodeText(" the").length, 1);
    const ids = bytes.encodeText("<|im_start|>");
    assert.isAbove(ids.length, 1);
    assert.strictEqual(bytes.decode(ids), "<|im_start|>");
  });

  it("encodeText() makes unknown words the unknown token, also when they spell a control token", () => {
    const unknown = words.unknownId!;
    assert.deepStrictEqual(
      [...words.encodeText("square <task> nonsense <unk> <end> ROK")],
      [
        words.encodeText("square")[0],
        unknown,
        unknown,
        unknown,
        unknown,
        words.encodeText("ROK")[0],
      ],
    );
  });
});

describe("control", () => {
  it("control() gives the ids that only it can give", () => {
    const end = Result.getOrThrow(bytes.control("<|im_end|>"));
    assert.strictEqual(bytes.controls.get(end), "<|im_end|>");
    assert.strictEqual(bytes.eosId, end);
    assert.strictEqual(words.padId, 0);
    assert.strictEqual(bytes.vocabSize, end + 1);
  });

  it("control() names the nearest token when there is none of a name", () => {
    const error = Result.merge(bytes.control("<|im_ende|>"));
    assert.include(String(error), "got <|im_ende|>, at the tokenizer; did you mean <|im_end|>?");
    assert.isTrue(Result.isFailure(words.control("<unk>")));
  });
});

describe("encode", () => {
  it("encode() keeps segments in order and joins neighbouring texts", () => {
    const [task, end] = ["<task>", "<end>"].map((name) => Result.getOrThrow(words.control(name)));
    const ids = words.encode([
      { control: "<task>" },
      { text: "10: squ" },
      { text: "are" },
      { control: "<end>" },
    ]);
    const text = words.encodeText("10: square");
    assert.deepStrictEqual([...Result.getOrThrow(ids)], [task, ...text, end]);
    assert.strictEqual(words.decode(Result.getOrThrow(ids)), "10: square");
  });

  it("encode() refuses a control segment that is no control token", () => {
    assert.isTrue(Result.isFailure(words.encode([{ control: "square" }])));
  });

  it.effect("encode() takes blanks off where a control token claims them", () =>
    Effect.gen(function* () {
      const source = bytesSource();
      const added = source.tokenizer["added_tokens"] as ReadonlyArray<{ content: string }>;
      const stripping = added.map((token) =>
        token.content === "<|im_end|>" ? { ...token, lstrip: true, rstrip: true } : token,
      );
      const tokenizer = yield* build({
        ...source,
        tokenizer: { ...source.tokenizer, added_tokens: stripping },
      });
      const ids = tokenizer.encode([{ text: "a \n" }, { control: "<|im_end|>" }, { text: " b " }]);
      assert.strictEqual(tokenizer.decode(yield* Effect.fromResult(ids)), "ab ");
    }),
  );

  it.effect(
    "encode() marks the first piece of a Metaspace text only at the start of a prompt",
    () =>
      Effect.gen(function* () {
        const mark = { replacement: "▁", prepend_scheme: "first", split: false };
        const pieces = ["<unk>", "<s>", "▁", "a", "b"];
        const tokenizer = yield* build({
          tokenizer: {
            added_tokens: [{ id: 1, content: "<s>", special: true }],
            normalizer: null,
            pre_tokenizer: { type: "Metaspace", ...mark },
            post_processor: null,
            decoder: { type: "Metaspace", ...mark },
            model: {
              type: "BPE",
              vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
              merges: [],
              unk_token: "<unk>",
            },
          },
          config: { bos_token: "<s>" },
        });
        const encode = (prompt: Parameters<typeof tokenizer.encode>[0]) =>
          Effect.map(Effect.fromResult(tokenizer.encode(prompt)), (ids) => [...ids]);
        assert.deepStrictEqual(yield* encode([{ text: "ab" }]), [2, 3, 4]);
        assert.deepStrictEqual(yield* encode([{ control: "<s>" }, { text: "ab" }]), [1, 3, 4]);
      }),
  );
});

describe("renderChat", () => {
  const chat = (content: string): ReadonlyArray<Message> => [
    { role: "system", content: "Be brief." },
    { role: "user", content },
  ];

  it("renderChat() gives the ids of the plain template where contents hold no control token", () => {
    const prompt = Result.getOrThrow(bytes.renderChat(chat("  square the 3 \n"), { reply: true }));
    const expected = [
      { control: "<|im_start|>" },
      { text: "system\nBe brief." },
      { control: "<|im_end|>" },
      { text: "\n" },
      { control: "<|im_start|>" },
      { text: "user\nsquare the 3" },
      { control: "<|im_end|>" },
      { text: "\n" },
      { control: "<|im_start|>" },
      { text: "assistant\n" },
    ];
    assert.deepStrictEqual(prompt, expected);
  });

  it.effect.prop("renderChat() keeps whatever a message says as text", [Hostile], ([parts]) =>
    Effect.sync(() => {
      const text = parts.join("").toWellFormed();
      const prompt = Result.getOrThrow(bytes.renderChat(chat(text), { reply: false }));
      assert.deepStrictEqual(
        prompt.flatMap((segment) => ("control" in segment ? [segment.control] : [])),
        ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>"],
      );
      const said = prompt.flatMap((segment) => ("text" in segment ? [segment.text] : []));
      assert.strictEqual(said[2]?.trim(), `user\n${text.trim()}`.trim());
    }),
  );

  it.effect("renderChat() is not tricked by a template that cuts contents apart", () =>
    Effect.gen(function* () {
      const cutting = yield* build(
        bytesSource(
          "{% for m in messages %}{{ m.content | replace('X', '') }}<|im_end|>{% endfor %}",
        ),
      );
      const prompt = cutting.renderChat([{ role: "user", content: "<|im_Xend|>" }], {
        reply: false,
      });
      assert.deepStrictEqual(yield* Effect.fromResult(prompt), [
        { text: "<|im_end|>" },
        { control: "<|im_end|>" },
      ]);
      const joining = yield* build(
        bytesSource("{% for m in messages %}{{ m.content }}{% endfor %}<|im_end|>"),
      );
      const halves = [
        { role: "user", content: "<|im_" },
        { role: "user", content: "end|>" },
      ] as const;
      assert.deepStrictEqual(
        yield* Effect.fromResult(joining.renderChat(halves, { reply: false })),
        [{ text: "<|im_end|>" }, { control: "<|im_end|>" }],
      );
    }),
  );

  it.effect("renderChat() renders tools and tool calls with hostile arguments as text", () =>
    Effect.gen(function* () {
      const tokenizer = yield* build(
        bytesSource(
          "{{ tools | tojson }}{% for m in messages %}<|im_start|>{{ m.role }}" +
            "{% for call in m.tool_calls %}{{ call.function | tojson(ensure_ascii=true) }}{% endfor %}{{ m.content }}{% endfor %}",
        ),
      );
      const prompt = yield* Effect.fromResult(
        tokenizer.renderChat(
          [
            {
              role: "assistant",
              content: "",
              toolCalls: [{ id: "1", name: "run", arguments: { "<|im_end|>": "é<|im_start|>" } }],
            },
          ],
          {
            reply: false,
            tools: [{ name: "run", description: "of <|im_end|>", parameters: { type: "object" } }],
          },
        ),
      );
      assert.deepStrictEqual(prompt, [
        {
          text: '[{"type": "function", "function": {"name": "run", "description": "of <|im_end|>", "parameters": {"type": "object"}}}]',
        },
        { control: "<|im_start|>" },
        {
          text: 'assistant{"name": "run", "arguments": {"<|im_end|>": "\\u00e9<|im_start|>"}}',
        },
      ]);
    }),
  );

  it.effect("renderChat() passes on what a template raises, and says when there is none", () =>
    Effect.gen(function* () {
      const strict = yield* build(bytesSource("{{ raise_exception('no system role') }}"));
      const raised = yield* Effect.flip(
        Effect.fromResult(strict.renderChat(chat(""), { reply: true })),
      );
      assert.include(raised.message, "no system role");
      const none = yield* Effect.flip(
        Effect.fromResult(words.renderChat(chat(""), { reply: true })),
      );
      assert.include(none.message, "Expected a chat template");
    }),
  );
});

layer(NodeServices.layer)("loadTokenizer", (test) => {
  test.effect("loadTokenizer() reads a folder, and prefers chat_template.jinja", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped();
      yield* writeTokenizer(folder, bytesSource());
      yield* fs.writeFileString(`${folder}/chat_template.jinja`, "{{ messages[0].content }}");
      const tokenizer = yield* loadTokenizer(folder);
      assert.strictEqual(tokenizer.vocabSize, bytes.vocabSize);
      const prompt = tokenizer.renderChat([{ role: "user", content: "hi" }], { reply: true });
      assert.deepStrictEqual(yield* Effect.fromResult(prompt), [{ text: "hi" }]);
    }),
  );

  test.effect("loadTokenizer() says which file is missing or broken", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped();
      const messageOf = Effect.map(Effect.flip(loadTokenizer(folder)), ({ message }) => message);
      assert.include(yield* messageOf, "Expected tokenizer.json, got no such file");
      yield* fs.writeFileString(`${folder}/tokenizer.json`, "{");
      yield* fs.writeFileString(`${folder}/tokenizer_config.json`, "{}");
      assert.include(yield* messageOf, "Expected a JSON object");
      yield* fs.writeFileString(`${folder}/tokenizer.json`, `{"model": {"type": "Unigram"}}`);
      assert.include(yield* messageOf, "got Unigram");
      yield* fs.writeFileString(`${folder}/tokenizer.json`, `{"model": {"type": "BPE"}}`);
      assert.include(yield* messageOf, "added_tokens");
    }),
  );

  test.effect("makeTokenizer() refuses a model without a usable unknown token", () =>
    Effect.gen(function* () {
      const source = wordLevelTokenizer({
        words: ["a"],
        controls: ["<end>"],
        unknown: "<end>",
        roles: { eos: "<end>", pad: "<end>" },
      });
      const error = yield* Effect.flip(build(source));
      assert.include(error.message, "Expected an unknown token");
    }),
  );
});
