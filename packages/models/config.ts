/** Configurations of decoder families, with the keys of Hugging Face's config.json. */
import { Effect, Schema } from "effect";

/** A configuration that no family honours exactly. `key` is the one to look at. */
export class ModelConfigError extends Schema.TaggedError<ModelConfigError>()("ModelConfigError", {
  message: Schema.String,
  key: Schema.String,
}) {}

/** `llama`, and `canon_llama`: llama with a causal depth-wise convolution before the attention of every block. */
export type ModelFamily = "llama" | "canon_llama";

/** Float types of weights on disk, by their names in config.json. */
export type StoredFloat = "float32" | "float16" | "bfloat16";

/** A decoder-only transformer. All sizes are positive; heads are a multiple of key-value heads; head_dim is even. */
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
}

/** Taps of canon_llama's convolution: h[t] and the three before it. */
export const SHORT_CONV_KERNEL = 4;

const Size = Schema.Int.check(Schema.isGreaterThan(0));
const Positive = Schema.Finite.check(Schema.isGreaterThan(0));
const TokenId = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Dtype = Schema.Literals(["float32", "float16", "bfloat16"]);

const Rope = Schema.Struct({
  rope_theta: Schema.optionalKey(Positive),
  rope_type: Schema.optionalKey(Schema.String),
  type: Schema.optionalKey(Schema.String),
});

/** The keys that decide what is computed. */
const ConfigJson = Schema.Struct({
  model_type: Schema.Literals(["llama", "canon_llama"]),
  vocab_size: Size,
  hidden_size: Size,
  intermediate_size: Size,
  num_hidden_layers: Size,
  num_attention_heads: Size,
  num_key_value_heads: Schema.optionalKey(Schema.NullOr(Size)),
  head_dim: Schema.optionalKey(Schema.NullOr(Size)),
  rms_norm_eps: Schema.optionalKey(Positive),
  rope_theta: Schema.optionalKey(Positive),
  rope_parameters: Schema.optionalKey(Schema.NullOr(Rope)),
  rope_scaling: Schema.optionalKey(Schema.NullOr(Rope)),
  max_position_embeddings: Schema.optionalKey(Size),
  tie_word_embeddings: Schema.optionalKey(Schema.Boolean),
  torch_dtype: Schema.optionalKey(Schema.NullOr(Dtype)),
  dtype: Schema.optionalKey(Schema.NullOr(Dtype)),
  eos_token_id: Schema.optionalKey(Schema.NullOr(Schema.Union([TokenId, Schema.Array(TokenId)]))),
  bos_token_id: Schema.optionalKey(Schema.NullOr(TokenId)),
  pad_token_id: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  short_conv_kernel: Schema.optionalKey(Schema.Int),
});

/** Keys with exactly one value that is computed here; any other value is refused. */
const FIXED: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  hidden_act: ["silu", "swish"],
  attention_bias: [false],
  mlp_bias: [false],
  attention_dropout: [0, null],
  sliding_window: [null],
  rope_interleaved: [false],
  quantization_config: [null],
  is_encoder_decoder: [false],
};

/** Keys that change nothing in the forward pass. */
const WITHOUT_EFFECT = new Set([
  "architectures",
  "_name_or_path",
  "_attn_implementation_autoset",
  "transformers_version",
  "transformers.js_config",
  "initializer_range",
  "is_llama_config",
  "pretraining_tp",
  "use_cache",
]);

const refuse = (key: string, message: string): ModelConfigError =>
  new ModelConfigError({ key, message: `${message}, at ${key} of config.json` });

/** The first key of a config that would be ignored, as an error. */
const findUnhonoured = (json: object): ModelConfigError | undefined => {
  for (const [key, value] of Object.entries(json)) {
    if (Object.hasOwn(ConfigJson.fields, key) || WITHOUT_EFFECT.has(key)) continue;
    const accepted = FIXED[key];
    if (accepted === undefined) {
      return refuse(
        key,
        `Expected only keys whose effect is known, got ${key}: ${JSON.stringify(value)}; remove it if it changes nothing, else this model is not supported`,
      );
    }
    if (!accepted.includes(value)) {
      return refuse(
        key,
        `Expected ${JSON.stringify(accepted[0])}, got ${JSON.stringify(value)}; models that need it are not supported`,
      );
    }
  }
  return undefined;
};

type ConfigJson = typeof ConfigJson.Type;

/** Rotary embeddings are plain ones; the base may stand in either place, as newer files moved it. */
const findTheta = (json: ConfigJson): number | ModelConfigError => {
  for (const key of ["rope_scaling", "rope_parameters"] as const) {
    const kind = json[key]?.rope_type ?? json[key]?.type ?? "default";
    if (kind !== "default") return refuse(key, `Expected rope_type "default", got "${kind}"`);
  }
  return json.rope_theta ?? json.rope_parameters?.rope_theta ?? 10_000;
};

const findInconsistency = (config: DecoderConfig): ModelConfigError | undefined => {
  const { num_attention_heads, num_key_value_heads, head_dim, model_type } = config;
  if (num_attention_heads % num_key_value_heads !== 0) {
    return refuse(
      "num_key_value_heads",
      `Expected a divisor of num_attention_heads ${num_attention_heads}, got ${num_key_value_heads}`,
    );
  }
  if (!Number.isInteger(head_dim) || head_dim % 2 !== 0) {
    return refuse("head_dim", `Expected an even whole number, got ${head_dim}`);
  }
  const kernel = model_type === "canon_llama" ? SHORT_CONV_KERNEL : undefined;
  if (config.short_conv_kernel !== kernel) {
    return refuse(
      "short_conv_kernel",
      `Expected ${kernel ?? "no such key"} for ${model_type}, got ${config.short_conv_kernel ?? "none"}`,
    );
  }
  const ids = [...endTokenIds(config), config.bos_token_id ?? 0];
  const outside = ids.find((id) => id >= config.vocab_size);
  return outside === undefined
    ? undefined
    : refuse(
        "eos_token_id",
        `Expected token ids below vocab_size ${config.vocab_size}, got ${outside}`,
      );
};

/** Ids that end a sequence. */
export const endTokenIds = ({ eos_token_id }: DecoderConfig): ReadonlyArray<number> =>
  eos_token_id === null ? [] : typeof eos_token_id === "number" ? [eos_token_id] : eos_token_id;

/**
 * Reads the parsed JSON of a config.json. Defaults are those of Hugging Face's LlamaConfig. A key or value that would
 * change the forward pass and is not honoured here is a ModelConfigError that names it.
 */
export const parseConfig = Effect.fnUntraced(function* (
  json: unknown,
): Effect.fn.Return<DecoderConfig, ModelConfigError> {
  const family = (json as { readonly model_type?: unknown } | null)?.model_type;
  if (family !== "llama" && family !== "canon_llama") {
    return yield* refuse(
      "model_type",
      `Expected "llama" or "canon_llama", got ${JSON.stringify(family) ?? "none"}; this family is not supported`,
    );
  }
  const decoded = yield* Schema.decodeUnknownEffect(ConfigJson, { errors: "all" })(json).pipe(
    Effect.mapError(
      (error) =>
        new ModelConfigError({
          key: /\["([^"]+)"\]/u.exec(error.message)?.[1] ?? "config.json",
          message: `Expected a ${family} config.json, got what does not decode: ${error.message}`,
        }),
    ),
  );
  const unhonoured = findUnhonoured(json as object);
  if (unhonoured !== undefined) return yield* unhonoured;
  const theta = findTheta(decoded);
  if (typeof theta !== "number") return yield* theta;
  const config: DecoderConfig = {
    model_type: decoded.model_type,
    vocab_size: decoded.vocab_size,
    hidden_size: decoded.hidden_size,
    intermediate_size: decoded.intermediate_size,
    num_hidden_layers: decoded.num_hidden_layers,
    num_attention_heads: decoded.num_attention_heads,
    num_key_value_heads: decoded.num_key_value_heads ?? decoded.num_attention_heads,
    head_dim: decoded.head_dim ?? decoded.hidden_size / decoded.num_attention_heads,
    rms_norm_eps: decoded.rms_norm_eps ?? 1e-6,
    rope_theta: theta,
    max_position_embeddings: decoded.max_position_embeddings ?? 2048,
    tie_word_embeddings: decoded.tie_word_embeddings ?? false,
    torch_dtype: decoded.torch_dtype ?? decoded.dtype ?? "float32",
    eos_token_id: decoded.eos_token_id ?? null,
    bos_token_id: decoded.bos_token_id ?? null,
    pad_token_id: decoded.pad_token_id ?? null,
    ...(decoded.short_conv_kernel === undefined
      ? {}
      : { short_conv_kernel: decoded.short_conv_kernel }),
  };
  const inconsistency = findInconsistency(config);
  return inconsistency === undefined ? config : yield* inconsistency;
});

/** The config.json of a configuration; `parseConfig` gives the configuration back, and transformers reads llama ones. */
export const configJson = (config: DecoderConfig): Readonly<Record<string, unknown>> => ({
  architectures: [config.model_type === "llama" ? "LlamaForCausalLM" : "CanonLlamaForCausalLM"],
  ...config,
  hidden_act: "silu",
  attention_bias: false,
  mlp_bias: false,
  rope_scaling: null,
});
