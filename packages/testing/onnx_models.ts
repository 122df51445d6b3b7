/** ONNX models that a test can write and transformers.js can load: one that embeds words, one that always says the same. */
import { makeRandom } from "@resd/core";
import { byteLevelTokenizer, writeTokenizer } from "@resd/tokenizers";
import { Effect, FileSystem, type PlatformError } from "effect";
import { type OnnxGraph, onnxFile } from "./onnx_file.ts";

const CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
const ROLES = { eos: "<|im_end|>", pad: "<|endoftext|>" };
const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/** Words that are tokens of their own. */
const WORDS = " carry| digit| round| before| list| sorted| search| check| Carry| Check".split("|");

const tokenizerOf = (chatTemplate?: string) =>
  byteLevelTokenizer({
    words: WORDS,
    controls: CONTROLS,
    roles: ROLES,
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  });

const writeFolder = Effect.fnUntraced(function* (
  folder: string,
  config: object,
  graph: OnnxGraph,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(`${folder}/onnx`, { recursive: true });
  yield* fs.writeFileString(`${folder}/config.json`, JSON.stringify(config));
  yield* fs.writeFile(`${folder}/onnx/model.onnx`, onnxFile(graph));
});

type Added = Array<{ content: string; id: number; special: boolean }>;

/** One more than the highest id of a tokenizer. */
const sizeOf = (added: Added): number => Math.max(...added.map(({ id }) => id)) + 1;

const LENGTH = 48;

/**
 * Writes an embedding model (BERT's inputs, 48 numbers a token): every token has a random vector, those in `alike` one in
 * common. A text's embedding is the mean of its tokens', so texts of the same words are near, and so are synonyms.
 */
export const writeEmbeddingModel = Effect.fnUntraced(function* (
  folder: string,
  alike: ReadonlyArray<string> = [],
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const source = tokenizerOf();
  const added = source.tokenizer["added_tokens"] as Added;
  const vocabulary = (source.tokenizer["model"] as { vocab: Record<string, number> }).vocab;
  const size = sizeOf(added);
  const random = makeRandom("embedding model");
  const table = Float32Array.from({ length: size * LENGTH }, () => random.normal());
  const ids = alike.flatMap((word) => vocabulary[`Ġ${word.trim()}`] ?? []);
  for (const id of ids.slice(1)) {
    table.copyWithin(id * LENGTH, (ids[0] ?? 0) * LENGTH, ((ids[0] ?? 0) + 1) * LENGTH);
  }
  yield* writeFolder(
    folder,
    { model_type: "bert", architectures: ["BertModel"], hidden_size: LENGTH, vocab_size: size },
    {
      inputs: ["input_ids", "attention_mask", "token_type_ids"].map((name) => ({
        name,
        element: "i64",
        shape: ["batch", "tokens"],
      })),
      outputs: [{ name: "last_hidden_state", element: "f32", shape: ["batch", "tokens", LENGTH] }],
      constants: { table: { shape: [size, LENGTH], data: table } },
      steps: [{ op: "Gather", inputs: ["table", "input_ids"], outputs: ["last_hidden_state"] }],
    },
  );
  yield* writeTokenizer(folder, source);
});

/**
 * Writes an instruct model (Llama's inputs, one layer, one head of one number) that answers every question with the same
 * reply: the reply is one token, which follows a line break, and after it the turn ends.
 */
export const writeInstructModel = Effect.fnUntraced(function* (
  folder: string,
  reply: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const source = tokenizerOf(TEMPLATE);
  const added = source.tokenizer["added_tokens"] as Added;
  const vocabulary = (source.tokenizer["model"] as { vocab: Record<string, number> }).vocab;
  const said = sizeOf(added);
  added.push({ ...added[0]!, content: reply, id: said, special: false });
  const size = said + 1;
  const idOf = (token: string): number => added.find(({ content }) => content === token)!.id;
  const end = idOf("<|im_end|>");
  const lineBreak = vocabulary["Ċ"] ?? 0;
  const table = new Float32Array(size * size);
  for (let token = 0; token < size; token++) {
    table[token * size + (token === lineBreak ? said : end)] = 20;
  }
  const cache = ["key", "value"];
  yield* writeFolder(
    folder,
    {
      model_type: "llama",
      architectures: ["LlamaForCausalLM"],
      hidden_size: 1,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      head_dim: 1,
      vocab_size: size,
      eos_token_id: end,
      max_position_embeddings: 4096,
    },
    {
      inputs: [
        ...["input_ids", "attention_mask", "position_ids"].map((name) => ({
          name,
          element: "i64" as const,
          shape: ["batch", name === "attention_mask" ? "all" : "tokens"],
        })),
        ...cache.map((name) => ({
          name: `past_key_values.0.${name}`,
          element: "f32" as const,
          shape: ["batch", 1, "past", 1],
        })),
      ],
      outputs: [
        { name: "logits", element: "f32", shape: ["batch", "tokens", size] },
        ...cache.map((name) => ({
          name: `present.0.${name}`,
          element: "f32" as const,
          shape: ["batch", 1, "all", 1],
        })),
      ],
      constants: {
        table: { shape: [size, size], data: table },
      },
      steps: [
        { op: "Gather", inputs: ["table", "input_ids"], outputs: ["logits"] },
        { op: "Cast", inputs: ["position_ids"], outputs: ["places"], attributes: { to: 1 } },
        // One number a token: the cache has to grow with the text, whatever is in it.
        { op: "Constant", inputs: [], outputs: ["axes"], attributes: { value_ints: [1, 3] } },
        { op: "Unsqueeze", inputs: ["places", "axes"], outputs: ["rows"] },
        ...cache.map((name) => ({
          op: "Concat",
          inputs: [`past_key_values.0.${name}`, "rows"],
          outputs: [`present.0.${name}`],
          attributes: { axis: 2 },
        })),
      ],
    },
  );
  yield* writeTokenizer(folder, source);
});
