/** The decoders that are measured, and the shapes of their training batches. */
import { type DecoderConfig, parseConfig } from "@resd/models";
import { Effect } from "effect";

export interface Size {
  /** `1M`, `30M`: parameters, roughly. */
  readonly name: string;
  readonly config: DecoderConfig;
  /** Sequences of a training batch, and tokens of each. */
  readonly batch: number;
  readonly length: number;
}

/** Positions that generation needs: a prompt of 128 tokens and 100 new ones, with room to spare. */
const CONTEXT = 512;

const llama = (shape: {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly vocab_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly intermediate_size: number;
}): DecoderConfig =>
  Effect.runSync(
    parseConfig({
      ...shape,
      model_type: "llama",
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      max_position_embeddings: CONTEXT,
      tie_word_embeddings: true,
      eos_token_id: null,
    }),
  );

export const SIZES: ReadonlyArray<Size> = [
  {
    name: "1M",
    config: llama({
      hidden_size: 128,
      num_hidden_layers: 4,
      vocab_size: 512,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 384,
    }),
    batch: 16,
    length: 128,
  },
  {
    name: "30M",
    config: llama({
      hidden_size: 512,
      num_hidden_layers: 8,
      vocab_size: 8192,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      intermediate_size: 1536,
    }),
    batch: 4,
    length: 256,
  },
];

/** What a software adapter trains in a second or so. */
export const SMALL_SIZE: Size = {
  name: "0.1M",
  config: llama({
    hidden_size: 64,
    num_hidden_layers: 2,
    vocab_size: 256,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 192,
  }),
  batch: 4,
  length: 64,
};

/** The shape of Qwen2.5-0.5B without its biases: what one step of it costs on a GPU. */
export const HALF_BILLION: Size = {
  name: "0.5B",
  config: llama({
    hidden_size: 896,
    num_hidden_layers: 24,
    vocab_size: 151_936,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    intermediate_size: 4864,
  }),
  batch: 4,
  length: 256,
};

/** What the suite `model` measures: 30M, and the shape of SmolLM2-135M. */
export const MODEL_SIZES: ReadonlyArray<Size> = [
  ...SIZES.slice(1),
  {
    name: "135M",
    config: llama({
      hidden_size: 576,
      num_hidden_layers: 30,
      vocab_size: 49_152,
      num_attention_heads: 9,
      num_key_value_heads: 3,
      intermediate_size: 1536,
    }),
    batch: 2,
    length: 256,
  },
];
