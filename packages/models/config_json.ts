/** What of a config.json is read, whichever family it is of. */
import { Effect, Schema } from "effect";
import { ModelConfigError } from "./config.ts";

const Size = Schema.Int.check(Schema.isGreaterThan(0));
const Positive = Schema.Finite.check(Schema.isGreaterThan(0));
const TokenId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Dtype = Schema.Literals(["float32", "float16", "bfloat16"]);
const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema));

/** `rope_parameters`, or `rope_scaling` as it was called before: one object, or one for each type of layer. */
const Rope = Schema.Record(Schema.String, Schema.Unknown);

/** The keys that decide what is computed, of all families together. */
export const ConfigJson = Schema.Struct({
  model_type: Schema.String,
  vocab_size: Size,
  hidden_size: Size,
  intermediate_size: Size,
  num_hidden_layers: Size,
  num_attention_heads: Size,
  num_key_value_heads: nullable(Size),
  head_dim: nullable(Size),
  rms_norm_eps: Schema.optionalKey(Positive),
  rope_theta: nullable(Positive),
  rope_parameters: nullable(Rope),
  rope_scaling: nullable(Rope),
  max_position_embeddings: Schema.optionalKey(Size),
  tie_word_embeddings: Schema.optionalKey(Schema.Boolean),
  torch_dtype: nullable(Dtype),
  dtype: nullable(Dtype),
  eos_token_id: nullable(Schema.Union([TokenId, Schema.Array(TokenId)])),
  bos_token_id: nullable(TokenId),
  pad_token_id: nullable(Schema.Int),
  attention_bias: Schema.optionalKey(Schema.Boolean),
  mlp_bias: Schema.optionalKey(Schema.Boolean),
  short_conv_kernel: Schema.optionalKey(Schema.Int),
  sliding_window: nullable(Size),
  use_sliding_window: nullable(Schema.Boolean),
  max_window_layers: nullable(Schema.Int),
  layer_types: nullable(Schema.Array(Schema.Literals(["full_attention", "sliding_attention"]))),
  sliding_window_pattern: nullable(Size),
  _sliding_window_pattern: nullable(Size),
  no_rope_layers: nullable(Schema.Array(Schema.Literals([0, 1]))),
  no_rope_layer_interval: nullable(Size),
  rope_local_base_freq: nullable(Positive),
  query_pre_attn_scalar: Schema.optionalKey(Positive),
  final_logit_softcapping: nullable(Positive),
});
export type ConfigJson = typeof ConfigJson.Type;

/** A key of config.json that is read. */
export type ConfigKey = keyof typeof ConfigJson.fields;

/** Keys that every family has. */
export const COMMON_KEYS: ReadonlyArray<ConfigKey> = [
  "model_type",
  "vocab_size",
  "hidden_size",
  "intermediate_size",
  "num_hidden_layers",
  "num_attention_heads",
  "num_key_value_heads",
  "head_dim",
  "rms_norm_eps",
  "rope_theta",
  "rope_parameters",
  "rope_scaling",
  "max_position_embeddings",
  "tie_word_embeddings",
  "torch_dtype",
  "dtype",
  "eos_token_id",
  "bos_token_id",
  "pad_token_id",
];

/** Keys that change nothing in the forward pass of a decoder, whatever their value. */
const WITHOUT_EFFECT = new Set([
  "architectures",
  "_name_or_path",
  "_commit_hash",
  "_attn_implementation_autoset",
  "transformers_version",
  "transformers.js_config",
  "initializer_range",
  "is_llama_config",
  "pretraining_tp",
  "use_cache",
  "cache_implementation",
  "output_attentions",
  "output_hidden_states",
  "return_dict",
  "torchscript",
  "use_bfloat16",
  "chunk_size_feed_forward",
  "id2label",
  "label2id",
  "problem_type",
  "task_specific_params",
  "finetuning_task",
  "tokenizer_class",
  "decoder_start_token_id",
  "sep_token_id",
  "unsloth_fixed",
  "unsloth_version",
]);

/** Keys with exactly one value that is computed here, in every family; any other value is refused. */
const FIXED: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  attention_dropout: [0, null],
  rope_interleaved: [false],
  partial_rotary_factor: [1, null],
  quantization_config: [null],
  is_encoder_decoder: [false],
  is_decoder: [false],
  add_cross_attention: [false],
  tie_encoder_decoder: [false],
  cross_attention_hidden_size: [null],
  pruned_heads: [null],
  use_mrope: [false],
};

/** The error of a key. */
export const refuse = (key: string, message: string): ModelConfigError =>
  new ModelConfigError({ key, message: `${message}, at ${key} of config.json` });

const SHOWN = 100;

/** A value of config.json in few words. */
export const shown = (value: unknown): string => {
  try {
    const text = JSON.stringify(value) ?? "none";
    return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
  } catch {
    return "what is nested too deeply to be shown";
  }
};

/** Keys and values that a family honours beside the common ones. */
export interface HonouredKeys {
  readonly keys: ReadonlyArray<ConfigKey>;
  readonly fixed: Readonly<Record<string, ReadonlyArray<unknown>>>;
}

/** The first key of a config.json that would be ignored, as an error. */
export const findUnhonoured = (
  json: object,
  { keys, fixed }: HonouredKeys,
): ModelConfigError | undefined => {
  const read = new Set<string>([...COMMON_KEYS, ...keys]);
  for (const [key, value] of Object.entries(json)) {
    if (read.has(key) || WITHOUT_EFFECT.has(key)) continue;
    const accepted = (Object.hasOwn(fixed, key) ? fixed : FIXED)[key];
    if (!Array.isArray(accepted)) {
      return refuse(
        key,
        `Expected only keys whose effect is known, got ${key}: ${shown(value)}; remove it if it changes nothing, else this model is not supported`,
      );
    }
    if (!accepted.includes(value)) {
      return refuse(
        key,
        `Expected ${JSON.stringify(accepted[0])}, got ${shown(value)}; models that need it are not supported`,
      );
    }
  }
  return undefined;
};

/** The keys that are read, checked one by one. */
export const decodeConfigJson = (
  json: unknown,
  family: string,
): Effect.Effect<ConfigJson, ModelConfigError> =>
  Schema.decodeUnknownEffect(ConfigJson, { errors: "all" })(json).pipe(
    Effect.mapError(
      (error) =>
        new ModelConfigError({
          key: /\["([^"]+)"\]/u.exec(error.message)?.[1] ?? "config.json",
          message: `Expected a ${family} config.json, got what does not decode: ${error.message}; correct it, or fetch the model again`,
        }),
    ),
  );
