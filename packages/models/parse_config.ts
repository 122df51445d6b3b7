/** From a config.json to a configuration that the graph builders read, and back. */
import { Effect } from "effect";
import {
  type DecoderConfig,
  endTokenIds,
  type ModelConfigError,
  SHORT_CONV_KERNEL,
} from "./config.ts";
import { type ConfigJson, decodeConfigJson, findUnhonoured, refuse, shown } from "./config_json.ts";
import { FAMILIES, type Family, isFamily } from "./families.ts";

const findInconsistency = (config: DecoderConfig): ModelConfigError | undefined => {
  const { num_attention_heads, num_key_value_heads, head_dim, model_type } = config;
  if (num_attention_heads % num_key_value_heads !== 0) {
    return refuse(
      "num_key_value_heads",
      `Expected a divisor of num_attention_heads ${num_attention_heads}, got ${num_key_value_heads}; correct it`,
    );
  }
  if (!Number.isInteger(head_dim) || head_dim % 2 !== 0) {
    return refuse("head_dim", `Expected an even whole number, got ${head_dim}; correct it`);
  }
  const kernel = model_type === "canon_llama" ? SHORT_CONV_KERNEL : undefined;
  if (config.short_conv_kernel !== kernel) {
    return refuse(
      "short_conv_kernel",
      `Expected ${kernel ?? "no such key"} for ${model_type}, got ${config.short_conv_kernel ?? "none"}; correct it`,
    );
  }
  const ids = [...endTokenIds(config), config.bos_token_id ?? 0];
  const outside = ids.find((id) => id >= config.vocab_size);
  return outside === undefined
    ? undefined
    : refuse(
        "eos_token_id",
        `Expected token ids below vocab_size ${config.vocab_size}, got ${outside}; correct it`,
      );
};

/** What every family says in the same words. An absent key is transformers' default, null is derived. */
const sizes = (json: ConfigJson, { defaults }: Family) => {
  const { num_attention_heads, hidden_size } = json;
  const keyHeads = json.num_key_value_heads;
  return {
    vocab_size: json.vocab_size,
    hidden_size,
    intermediate_size: json.intermediate_size,
    num_hidden_layers: json.num_hidden_layers,
    num_attention_heads,
    num_key_value_heads:
      (keyHeads === undefined ? defaults.num_key_value_heads : keyHeads) ?? num_attention_heads,
    head_dim: json.head_dim ?? defaults.head_dim ?? hidden_size / num_attention_heads,
    rms_norm_eps: json.rms_norm_eps ?? 1e-6,
    max_position_embeddings: json.max_position_embeddings ?? defaults.max_position_embeddings,
    tie_word_embeddings: json.tie_word_embeddings ?? defaults.tie_word_embeddings,
    torch_dtype: json.torch_dtype ?? json.dtype ?? "float32",
    eos_token_id: json.eos_token_id === undefined ? defaults.eos_token_id : json.eos_token_id,
    bos_token_id: json.bos_token_id ?? null,
    pad_token_id: json.pad_token_id ?? null,
  } as const;
};

/**
 * Reads the parsed JSON of a config.json. Defaults are those of the family's class in transformers. A key or value that
 * would change the forward pass and is not honoured here is a ModelConfigError that names it.
 */
export const parseConfig = Effect.fnUntraced(function* (
  json: unknown,
): Effect.fn.Return<DecoderConfig, ModelConfigError> {
  const name = (json as { readonly model_type?: unknown } | null)?.model_type;
  if (!isFamily(name)) {
    return yield* refuse(
      "model_type",
      `Expected one of ${Object.keys(FAMILIES).join(", ")}, got ${shown(name)}; this family is not supported`,
    );
  }
  const family = FAMILIES[name];
  const decoded = yield* decodeConfigJson(json, name);
  const unhonoured = findUnhonoured(json as object, family);
  if (unhonoured !== undefined) return yield* unhonoured;
  const common = sizes(decoded, family);
  const features = yield* Effect.fromResult(family.read(decoded, common.max_position_embeddings));
  const config: DecoderConfig = { model_type: name, ...common, ...features };
  const inconsistency = findInconsistency(config);
  return inconsistency === undefined ? config : yield* inconsistency;
});

/** The config.json of a configuration; `parseConfig` gives the configuration back, and transformers reads it (canon_llama excepted). */
export const configJson = (config: DecoderConfig): Readonly<Record<string, unknown>> => {
  const { architecture, write } = FAMILIES[config.model_type];
  return {
    architectures: [architecture],
    model_type: config.model_type,
    vocab_size: config.vocab_size,
    hidden_size: config.hidden_size,
    intermediate_size: config.intermediate_size,
    num_hidden_layers: config.num_hidden_layers,
    num_attention_heads: config.num_attention_heads,
    num_key_value_heads: config.num_key_value_heads,
    head_dim: config.head_dim,
    rms_norm_eps: config.rms_norm_eps,
    max_position_embeddings: config.max_position_embeddings,
    tie_word_embeddings: config.tie_word_embeddings,
    torch_dtype: config.torch_dtype,
    eos_token_id: config.eos_token_id,
    bos_token_id: config.bos_token_id,
    pad_token_id: config.pad_token_id,
    ...write(config),
  };
};

/** Keys that transformers takes for floats only: `4` is refused there, `4.0` is not. */
const FLOATS = [
  "rms_norm_eps",
  "rope_theta",
  "rope_local_base_freq",
  "final_logit_softcapping",
  "factor",
  "low_freq_factor",
  "high_freq_factor",
  "beta_fast",
  "beta_slow",
  "attention_factor",
  "mscale",
  "mscale_all_dim",
];
const WHOLE_FLOAT = new RegExp(`"(${FLOATS.join("|")})": (\\d+)(?=[,\\n])`, "gu");

/** The text of a config.json. */
export const configText = (config: DecoderConfig): string =>
  `${JSON.stringify(configJson(config), null, 2).replaceAll(WHOLE_FLOAT, '"$1": $2.0')}\n`;
