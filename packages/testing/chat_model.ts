/** A chat model small enough to be written in a test: random weights, a real tokenizer, a real template. */
import { type DecoderConfig, initialize, saveFolder } from "@resd/models";
import type { SafetensorsError } from "@resd/safetensors";
import { byteLevelTokenizer, writeTokenizer } from "@resd/tokenizers";
import { Effect, type FileSystem, type PlatformError } from "effect";

/** What may differ from the tiny model. */
export interface ChatModelOptions {
  /** Decides the weights; 0 by default. */
  readonly seed?: number;
  /** Sizes and other keys that differ from the tiny model's. `vocab_size` and token ids come from the tokenizer. */
  readonly config?: Partial<
    Omit<DecoderConfig, "vocab_size" | "eos_token_id" | "bos_token_id" | "pad_token_id">
  >;
}

const CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];

/** ChatML, in the words that Hugging Face templates use. */
const TEMPLATE = [
  "{% for message in messages %}",
  "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}",
  "{% endfor %}",
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
].join("");

/** Words that become single tokens; a tiny vocabulary still has merges to get wrong. */
const WORDS =
  "system|user|assistant| the| and| is| of| answer| question|ing|er| in| to| test| want| got".split(
    "|",
  );

/**
 * Writes a llama chat model in Hugging Face's format: byte-level BPE, ChatML template, about 30 thousand parameters.
 * Gives its configuration back.
 *
 * @example
 * ```ts
 * const config = yield* writeChatModel(folder, { seed: 1, config: { hidden_size: 64, head_dim: 16 } });
 * ```
 */
export const writeChatModel = Effect.fnUntraced(function* (
  folder: string,
  options: ChatModelOptions = {},
): Effect.fn.Return<
  DecoderConfig,
  SafetensorsError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const source = byteLevelTokenizer({
    words: WORDS,
    controls: CONTROLS,
    roles: { eos: "<|im_end|>", pad: "<|endoftext|>" },
    chatTemplate: TEMPLATE,
  });
  const added = source.tokenizer["added_tokens"] as ReadonlyArray<{
    readonly content: string;
    readonly id: number;
  }>;
  const idOf = (token: string): number => added.find(({ content }) => content === token)!.id;
  const config: DecoderConfig = {
    model_type: "llama",
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: 1024,
    tie_word_embeddings: true,
    torch_dtype: "float32",
    ...options.config,
    vocab_size: Math.max(...added.map(({ id }) => id)) + 1,
    eos_token_id: idOf("<|im_end|>"),
    bos_token_id: null,
    pad_token_id: idOf("<|endoftext|>"),
  };
  const parameters = initialize(config, options.seed ?? 0);
  yield* saveFolder(folder, config, (name) => Effect.sync(() => parameters.get(name)!));
  yield* writeTokenizer(folder, source);
  return config;
});
