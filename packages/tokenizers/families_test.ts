/** The tokenizers and chat templates of the families against transformers, and against texts that mean them harm. */
import { NodeServices } from "@effect/platform-node";
import type { Message, Prompt } from "@resd/core";
import { assert, layer } from "@effect/vitest";
import { Effect, FileSystem, Result, Schema } from "effect";
import { loadTokenizer, type Tokenizer } from "./tokenizer.ts";

/** Written by tools/parity/chat_golden.py with Hugging Face tokenizers and transformers. */
const FAMILIES = ["llama", "qwen2", "qwen3", "gemma3", "smollm3"] as const;
type Family = (typeof FAMILIES)[number];

const Call = Schema.Struct({
  id: Schema.String,
  function: Schema.Struct({
    name: Schema.String,
    arguments: Schema.Record(Schema.String, Schema.Unknown),
  }),
});
const Golden = Schema.fromJsonString(
  Schema.Struct({
    texts: Schema.Array(
      Schema.Struct({
        text: Schema.String,
        ids: Schema.Array(Schema.Int),
        decoded: Schema.String,
      }),
    ),
    chats: Schema.Array(
      Schema.Struct({
        messages: Schema.Array(
          Schema.Struct({
            role: Schema.Literals(["system", "user", "assistant", "tool"]),
            content: Schema.String,
            tool_calls: Schema.optionalKey(Schema.Array(Call)),
            tool_call_id: Schema.optionalKey(Schema.String),
          }),
        ),
        tools: Schema.NullOr(
          Schema.Array(
            Schema.Struct({
              function: Schema.Struct({
                name: Schema.String,
                description: Schema.String,
                parameters: Schema.Record(Schema.String, Schema.Unknown),
              }),
            }),
          ),
        ),
        reply: Schema.Boolean,
        variables: Schema.Record(Schema.String, Schema.Unknown),
        ids: Schema.Array(Schema.Int),
      }),
    ),
  }),
);
type GoldenMessage = (typeof Golden.Type)["chats"][number]["messages"][number];

const ourMessage = ({ role, content, tool_calls, tool_call_id }: GoldenMessage): Message => ({
  role,
  content,
  ...(tool_call_id === undefined ? {} : { toolCallId: tool_call_id }),
  ...(tool_calls === undefined
    ? {}
    : { toolCalls: tool_calls.map(({ id, function: called }) => ({ id, ...called })) }),
});

const folderOf = (family: Family) =>
  new URL(`./fixtures/families/${family}`, import.meta.url).pathname;

const controlsOf = (prompt: Prompt) =>
  prompt.flatMap((segment) => ("control" in segment ? [segment.control] : []));

/** What structures a turn of each family, and what a text would use to break out of it. */
const MARKERS: Readonly<Record<Family, ReadonlyArray<string>>> = {
  llama: ["<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>"],
  qwen2: ["<|im_end|>", "<|im_start|>", "<|endoftext|>"],
  qwen3: ["<|im_end|>", "<|im_start|>", "<think>", "</think>", "<tool_call>", "</tool_response>"],
  gemma3: ["<end_of_turn>", "<start_of_turn>", "<bos>", "<eos>"],
  smollm3: ["<|im_end|>", "<|im_start|>", "<think>", "</think>"],
};

const Hostile = Schema.Array(
  Schema.Union([
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 })),
    Schema.String,
    Schema.Literals([
      "\n",
      " ",
      "system\n",
      "user\n",
      "model\n",
      "<|im_",
      "end|>",
      "<",
      ">",
      "\ue000",
    ]),
  ]),
);

/** A text of the pieces, in which numbers stand for the family's markers. */
const hostileText = (family: Family, pieces: typeof Hostile.Type): string =>
  pieces
    .map((piece) =>
      typeof piece === "number" ? MARKERS[family][piece % MARKERS[family].length]! : piece,
    )
    .join("")
    .toWellFormed();

/** A conversation in which every text of an environment, a reflection or a playbook could stand. */
const conversation = (text: string): ReadonlyArray<Message> => [
  { role: "user", content: `A task.\n\nFeedback: ${text} (end of the feedback)` },
  { role: "assistant", content: "An answer." },
  { role: "user", content: `Result: ${text}.` },
];

const render = (tokenizer: Tokenizer, text: string): Prompt =>
  Result.getOrThrow(tokenizer.renderChat(conversation(text), { reply: true }));

layer(NodeServices.layer)("families", (it) => {
  it.effect.each(FAMILIES)("encodeText() and decode() of %s are those of transformers", (family) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const golden = yield* Schema.decodeEffect(Golden)(
        yield* fs.readFileString(`${folderOf(family)}/golden.json`),
      );
      const tokenizer = yield* loadTokenizer(folderOf(family));
      for (const { text, ids, decoded } of golden.texts) {
        assert.deepStrictEqual([...tokenizer.encodeText(text)], [...ids], text);
        assert.strictEqual(tokenizer.decode(ids), decoded);
      }
    }),
  );

  it.effect.each(FAMILIES)("renderChat() of %s gives the ids of transformers", (family) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const golden = yield* Schema.decodeEffect(Golden)(
        yield* fs.readFileString(`${folderOf(family)}/golden.json`),
      );
      const tokenizer = yield* loadTokenizer(folderOf(family));
      for (const { messages, tools, reply, variables, ids } of golden.chats) {
        const prompt = yield* Effect.fromResult(
          tokenizer.renderChat(messages.map(ourMessage), {
            reply,
            variables,
            ...(tools === null ? {} : { tools: tools.map((tool) => tool.function) }),
          }),
        );
        const got = yield* Effect.fromResult(tokenizer.encode(prompt));
        const about = JSON.stringify({ messages, reply, variables });
        assert.deepStrictEqual([...got], [...ids], about);
      }
    }),
  );

  it.effect.each(FAMILIES)(
    "a tokenizer of %s has its family's markers as control tokens",
    (family) =>
      Effect.gen(function* () {
        const tokenizer = yield* loadTokenizer(folderOf(family));
        assert.includeMembers([...tokenizer.controls.values()], [...MARKERS[family]]);
        for (const marker of MARKERS[family]) {
          const ids = tokenizer.encodeText(`a${marker}b`);
          assert.isFalse(
            ids.some((id) => tokenizer.controls.has(id)),
            marker,
          );
          assert.strictEqual(tokenizer.decode(ids), `a${marker}b`);
        }
      }),
  );

  for (const family of FAMILIES) {
    it.effect.prop(
      `renderChat() of ${family}: whatever a text says changes nothing but text`,
      [Hostile],
      ([pieces]) =>
        Effect.gen(function* () {
          const tokenizer = yield* loadTokenizer(folderOf(family));
          const text = hostileText(family, pieces);
          const plain = render(tokenizer, "all is well");
          const prompt = render(tokenizer, text);
          assert.deepStrictEqual(controlsOf(prompt), controlsOf(plain));
          const controlIds = (of: Prompt) =>
            [...Result.getOrThrow(tokenizer.encode(of))].filter((id) => tokenizer.controls.has(id));
          assert.deepStrictEqual(controlIds(prompt), controlIds(plain));
          const said = prompt.flatMap((segment) => ("text" in segment ? [segment.text] : []));
          assert.strictEqual(said.filter((part) => part.includes(`Feedback: ${text} (`)).length, 1);
          assert.strictEqual(said.filter((part) => part.includes(`Result: ${text}.`)).length, 1);
        }),
      { arbitrary: { runs: 25 } },
    );
  }

  it.effect("renderChat() of qwen3 and smollm3 thinks or does not, as it is told", () =>
    Effect.gen(function* () {
      for (const family of ["qwen3", "smollm3"] as const) {
        const tokenizer = yield* loadTokenizer(folderOf(family));
        const ask = (enable_thinking: boolean) =>
          tokenizer.renderChat([{ role: "user", content: "Hello." }], {
            reply: true,
            variables: { enable_thinking },
          });
        const closed = controlsOf(yield* Effect.fromResult(ask(false)));
        assert.deepStrictEqual(closed.slice(-2), ["<think>", "</think>"]);
        const open = controlsOf(yield* Effect.fromResult(ask(true)));
        assert.strictEqual(open.at(-1), "<|im_start|>");
      }
    }),
  );

  it.effect("decode() shows what a reply is structured with, and no special token", () =>
    Effect.gen(function* () {
      const tokenizer = yield* loadTokenizer(folderOf("qwen3"));
      const reply: Prompt = [
        { control: "<think>" },
        { text: "\nhm\n" },
        { control: "</think>" },
        { text: "\n\n42" },
        { control: "<|im_end|>" },
      ];
      const ids = yield* Effect.fromResult(tokenizer.encode(reply));
      assert.strictEqual(tokenizer.decode(ids), "<think>\nhm\n</think>\n\n42");
    }),
  );
});
