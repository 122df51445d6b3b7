/** Configurations of decoder families, with the keys of Hugging Face's config.json. */
import { Schema } from "effect";
import type { Lora } from "./lora.ts";
import type { RopeScaling } from "./rope.ts";

/** A configuration that no family honours exactly. `key` is the one to look at. */
export class ModelConfigError extends Schema.TaggedError<ModelConfigError>()("ModelConfigError", {
  message: Schema.String,
  key: Schema.String,
}) {}

/** Hugging Face's, and `canon_llama`: llama with a causal depth-wise convolution before the attention of every block. */
export type ModelFamily = "llama" | "canon_llama" | "qwen2" | "qwen3" | "gemma3_text" | "smollm3";

/** Float types of weights on disk, by their names in config.json. */
export type StoredFloat = "float32" | "float16" | "bfloat16";

/** What a layer's attention sees: all positions before its own, or the last `sliding_window`. */
export type LayerType = "full_attention" | "sliding_attention";

/**
 * A decoder-only transformer. All sizes are positive; heads are a multiple of key-value heads; head_dim is even.
 *
 * What is optional is off when absent: without any of it this is llama. The graph builders read nothing else, so a
 * family is its values here, and `model_type` decides only how config.json is read and written.
 */
export interface DecoderConfig {
  readonly model_type: ModelFamily;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  /** How weights are stored; computing is f32. */
  readonly torch_dtype: StoredFloat;
  readonly eos_token_id: number | ReadonlyArray<number> | null;
  readonly bos_token_id: number | null;
  readonly pad_token_id: number | null;
  /** canon_llama: taps of the convolution, the current token's included. */
  readonly short_conv_kernel?: number;
  /** Of layers with full attention, where `rope_local_base_freq` is given; else of all. */
  readonly rope_scaling?: RopeScaling;
  /** Base of the rotary embeddings of sliding layers. */
  readonly rope_local_base_freq?: number;
  /** One element a layer: 0 for a layer without rotary embeddings. */
  readonly no_rope_layers?: ReadonlyArray<0 | 1>;
  /** One element a layer. */
  readonly layer_types?: ReadonlyArray<LayerType>;
  /** Positions that a sliding layer sees, its own included. */
  readonly sliding_window?: number;
  /** Biases of the maps to queries, keys and values, and of the one back. */
  readonly projection_bias?: "qkv" | "qkvo";
  /** Biases of the three maps of the feed-forward half. */
  readonly mlp_bias?: true;
  /** silu when absent. */
  readonly hidden_act?: "gelu_pytorch_tanh";
  /** An RMSNorm over each head of queries and keys, before they are rotated. */
  readonly qk_norm?: true;
  /** Norms after attention and after the feed-forward half, besides those before. */
  readonly sandwich_norms?: true;
  /** Norms are stored less 1. */
  readonly norm_offset?: true;
  /** Factor of embedded tokens, not of the head that is tied to them. */
  readonly embedding_scale?: number;
  /** Attention scores are divided by its root, instead of by that of head_dim. */
  readonly query_pre_attn_scalar?: number;
  /** Logits become cap·tanh(logits/cap). */
  readonly final_logit_softcapping?: number;
  /** Low-rank matrices beside the maps of the blocks. No part of config.json: an adapter lies in a folder of its own. */
  readonly lora?: Lora;
}

/** Taps of canon_llama's convolution: h[t] and the three before it. */
export const SHORT_CONV_KERNEL = 4;

/** Ids that end a sequence. */
export const endTokenIds = ({ eos_token_id }: DecoderConfig): ReadonlyArray<number> =>
  eos_token_id === null ? [] : typeof eos_token_id === "number" ? [eos_token_id] : eos_token_id;
