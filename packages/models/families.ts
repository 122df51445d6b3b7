/** The families of decoders, as a plain table: what each reads of its config.json, and what it writes. */
import { Result } from "effect";
import type { DecoderConfig, LayerType, ModelConfigError, ModelFamily } from "./config.ts";
import { type ConfigJson, type HonouredKeys, refuse } from "./config_json.ts";
import { readRope, readRopeByLayerType } from "./rope_json.ts";

/** What a family's config.json says besides sizes. */
type Features = Omit<
  DecoderConfig,
  | "model_type"
  | "vocab_size"
  | "hidden_size"
  | "intermediate_size"
  | "num_hidden_layers"
  | "num_attention_heads"
  | "num_key_value_heads"
  | "head_dim"
  | "rms_norm_eps"
  | "max_position_embeddings"
  | "tie_word_embeddings"
  | "torch_dtype"
  | "eos_token_id"
  | "bos_token_id"
  | "pad_token_id"
>;

/** One family. */
export interface Family extends HonouredKeys {
  /** The class of transformers that reads what is saved. */
  readonly architecture: string;
  /** What transformers takes for keys that are absent. */
  readonly defaults: {
    readonly num_key_value_heads?: number;
    readonly head_dim?: number;
    readonly max_position_embeddings: number;
    readonly tie_word_embeddings: boolean;
    readonly eos_token_id: number | null;
  };
  readonly read: (
    json: ConfigJson,
    maxPositions: number,
  ) => Result.Result<Features, ModelConfigError>;
  /** Keys of config.json beside the sizes, from which `read` gives the same features. */
  readonly write: (config: DecoderConfig) => Readonly<Record<string, unknown>>;
}

const SILU = ["silu", "swish"];
const LLAMA_FIXED = { hidden_act: SILU, sliding_window: [null] };
/** Says nothing where sliding windows are off, and where layer_types says which layers have one. */
const WINDOW_KEYS = [
  "sliding_window",
  "use_sliding_window",
  "max_window_layers",
  "layer_types",
] as const;

/** Rotary embeddings of all layers. */
const rope = (json: ConfigJson, theta: number, maxPositions: number) =>
  Result.map(readRope(json, theta, maxPositions), ({ theta: rope_theta, scaling }) => ({
    rope_theta,
    ...(scaling === undefined ? {} : { rope_scaling: scaling }),
  }));

/** Nothing where no layer slides, so that equal models have equal configurations. */
const windows = (
  json: ConfigJson,
  layer_types: ReadonlyArray<LayerType>,
): Result.Result<Pick<DecoderConfig, "layer_types" | "sliding_window">, ModelConfigError> => {
  const { num_hidden_layers: L, sliding_window } = json;
  if (layer_types.length !== L) {
    return Result.fail(
      refuse(
        "layer_types",
        `Expected one of each of ${L} layers, got ${layer_types.length}; correct it`,
      ),
    );
  }
  if (!layer_types.includes("sliding_attention")) return Result.succeed({});
  return typeof sliding_window === "number"
    ? Result.succeed({ layer_types, sliding_window })
    : Result.fail(
        refuse(
          "sliding_window",
          "Expected a number of positions for sliding layers, got none; add it",
        ),
      );
};

const layers = <A>(json: ConfigJson, of: (layer: number) => A): ReadonlyArray<A> =>
  Array.from({ length: json.num_hidden_layers }, (_, layer) => of(layer));

/** Qwen: the layers from `max_window_layers` on slide, if any do. */
const qwenWindows = (json: ConfigJson) => {
  const slides = json.use_sliding_window === true && json.sliding_window !== null;
  const first = json.max_window_layers ?? 28;
  const types =
    json.layer_types ??
    layers(json, (layer) => (slides && layer >= first ? "sliding_attention" : "full_attention"));
  const window = slides ? (json.sliding_window ?? 4096) : null;
  return windows({ ...json, sliding_window: window }, types);
};

const writeRope = ({ rope_theta, rope_scaling }: DecoderConfig) => ({
  rope_theta,
  rope_scaling: rope_scaling ?? null,
});

const writeWindows = ({ sliding_window, layer_types }: DecoderConfig) => ({
  use_sliding_window: layer_types !== undefined,
  sliding_window: sliding_window ?? null,
  ...(layer_types === undefined ? {} : { layer_types }),
});

const allBiases = (json: ConfigJson): Pick<Features, "projection_bias" | "mlp_bias"> => ({
  ...(json.attention_bias === true ? { projection_bias: "qkvo" } : {}),
  ...(json.mlp_bias === true ? { mlp_bias: true } : {}),
});

const llama: Family = {
  architecture: "LlamaForCausalLM",
  keys: ["attention_bias", "mlp_bias"],
  fixed: LLAMA_FIXED,
  defaults: { max_position_embeddings: 2048, tie_word_embeddings: false, eos_token_id: 2 },
  read: (json, maxPositions) =>
    Result.map(rope(json, 10_000, maxPositions), (turned) => ({ ...turned, ...allBiases(json) })),
  write: (config) => ({
    ...writeRope(config),
    hidden_act: "silu",
    attention_bias: config.projection_bias === "qkvo",
    mlp_bias: config.mlp_bias === true,
  }),
};

const canonLlama: Family = {
  ...llama,
  architecture: "CanonLlamaForCausalLM",
  defaults: { ...llama.defaults, eos_token_id: null },
  keys: [...llama.keys, "short_conv_kernel"],
  read: (json, maxPositions) =>
    Result.map(llama.read(json, maxPositions), (features) =>
      json.short_conv_kernel === undefined
        ? features
        : { ...features, short_conv_kernel: json.short_conv_kernel },
    ),
  write: (config) => ({ ...llama.write(config), short_conv_kernel: config.short_conv_kernel }),
};

const qwen2: Family = {
  architecture: "Qwen2ForCausalLM",
  keys: WINDOW_KEYS,
  fixed: { hidden_act: SILU },
  defaults: {
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    tie_word_embeddings: false,
    eos_token_id: null,
  },
  read: (json, maxPositions) =>
    Result.gen(function* () {
      return {
        ...(yield* rope(json, 10_000, maxPositions)),
        ...(yield* qwenWindows(json)),
        projection_bias: "qkv",
      } as const;
    }),
  write: (config) => ({ ...writeRope(config), ...writeWindows(config), hidden_act: "silu" }),
};

const qwen3: Family = {
  ...qwen2,
  architecture: "Qwen3ForCausalLM",
  keys: [...WINDOW_KEYS, "attention_bias"],
  defaults: { ...qwen2.defaults, head_dim: 128 },
  read: (json, maxPositions) =>
    Result.gen(function* () {
      return {
        ...(yield* rope(json, 10_000, maxPositions)),
        ...(yield* qwenWindows(json)),
        ...allBiases(json),
        qk_norm: true,
      } as const;
    }),
  write: (config) => ({
    ...qwen2.write(config),
    attention_bias: config.projection_bias === "qkvo",
  }),
};

const smollm3: Family = {
  architecture: "SmolLM3ForCausalLM",
  keys: [...WINDOW_KEYS, "attention_bias", "mlp_bias", "no_rope_layers", "no_rope_layer_interval"],
  fixed: { hidden_act: SILU },
  defaults: {
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
    tie_word_embeddings: true,
    eos_token_id: 128_001,
  },
  read: (json, maxPositions) =>
    Result.gen(function* () {
      const every = json.no_rope_layer_interval ?? 4;
      const turned =
        json.no_rope_layers ??
        layers(json, (layer) => ((layer + 1) % every === 0 ? 0 : 1) as 0 | 1);
      if (turned.length < json.num_hidden_layers) {
        return yield* Result.fail(
          refuse(
            "no_rope_layers",
            `Expected one of each of ${json.num_hidden_layers} layers, got ${turned.length}; correct it`,
          ),
        );
      }
      // Layers with rotary embeddings never slide.
      const slides = json.use_sliding_window === true && typeof json.sliding_window === "number";
      const types =
        json.layer_types ??
        layers(json, (layer) =>
          slides && turned[layer] === 0 ? "sliding_attention" : "full_attention",
        );
      return {
        ...(yield* rope(json, 2_000_000, maxPositions)),
        ...(yield* windows(
          { ...json, sliding_window: slides ? json.sliding_window : null },
          types,
        )),
        ...allBiases(json),
        ...(turned.includes(0) ? { no_rope_layers: turned.slice(0, json.num_hidden_layers) } : {}),
      };
    }),
  write: (config) => ({
    ...writeRope(config),
    ...writeWindows(config),
    hidden_act: "silu",
    attention_bias: config.projection_bias === "qkvo",
    mlp_bias: config.mlp_bias === true,
    no_rope_layers:
      config.no_rope_layers ?? Array.from({ length: config.num_hidden_layers }, () => 1),
  }),
};

const gemma3Text: Family = {
  architecture: "Gemma3ForCausalLM",
  keys: [
    "sliding_window",
    "sliding_window_pattern",
    "_sliding_window_pattern",
    "layer_types",
    "rope_local_base_freq",
    "query_pre_attn_scalar",
    "final_logit_softcapping",
    "attention_bias",
  ],
  fixed: {
    hidden_activation: ["gelu_pytorch_tanh"],
    // transformers writes it and reads it nowhere, so nothing says what a model with it was trained to do.
    attn_logit_softcapping: [null],
    use_bidirectional_attention: [false, null],
  },
  defaults: {
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    tie_word_embeddings: true,
    eos_token_id: 1,
  },
  read: (json, maxPositions) =>
    Result.gen(function* () {
      const bases = { full: 1_000_000, sliding: 10_000 };
      const { full, sliding } = yield* readRopeByLayerType(json, bases, maxPositions);
      const every = json.sliding_window_pattern ?? json._sliding_window_pattern ?? 6;
      const types =
        json.layer_types ??
        layers(json, (layer) =>
          (layer + 1) % every === 0 ? "full_attention" : "sliding_attention",
        );
      const sized = { ...json, sliding_window: json.sliding_window ?? 4096 };
      return {
        rope_theta: full.theta,
        ...(full.scaling === undefined ? {} : { rope_scaling: full.scaling }),
        rope_local_base_freq: sliding.theta,
        ...(yield* windows(sized, types)),
        ...allBiases(json),
        hidden_act: "gelu_pytorch_tanh",
        qk_norm: true,
        sandwich_norms: true,
        norm_offset: true,
        embedding_scale: Math.sqrt(json.hidden_size),
        query_pre_attn_scalar: json.query_pre_attn_scalar ?? 256,
        ...(typeof json.final_logit_softcapping === "number"
          ? { final_logit_softcapping: json.final_logit_softcapping }
          : {}),
      } as const;
    }),
  write: (config) => ({
    ...writeRope(config),
    rope_local_base_freq: config.rope_local_base_freq,
    hidden_activation: "gelu_pytorch_tanh",
    attention_bias: config.projection_bias === "qkvo",
    query_pre_attn_scalar: config.query_pre_attn_scalar,
    final_logit_softcapping: config.final_logit_softcapping ?? null,
    attn_logit_softcapping: null,
    layer_types:
      config.layer_types ??
      Array.from({ length: config.num_hidden_layers }, () => "full_attention"),
    ...(config.sliding_window === undefined ? {} : { sliding_window: config.sliding_window }),
  }),
};

/** Families by `model_type`. */
export const FAMILIES: Readonly<Record<ModelFamily, Family>> = {
  llama,
  canon_llama: canonLlama,
  qwen2,
  qwen3,
  gemma3_text: gemma3Text,
  smollm3,
};

/** Whether a `model_type` is in the table. */
export const isFamily = (name: unknown): name is ModelFamily =>
  typeof name === "string" && Object.hasOwn(FAMILIES, name);
