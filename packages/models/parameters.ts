/** The parameters of a decoder: names, shapes, initial values and graph inputs. */
import { makeRandom, type Random } from "@resd/core";
import { input, sizeOf, type Tensor } from "@resd/tensor";
import type { DecoderConfig } from "./config.ts";
import { loraNames } from "./lora.ts";

/** How a parameter starts: N(0, std²), ones, zeros, or uniform in ±bound. */
export type Initializer =
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "ones" }
  | { readonly kind: "zeros" }
  | { readonly kind: "uniform"; readonly bound: number };

/** One parameter of a model, known before any weights are. */
export interface ParameterSpec {
  /** Hugging Face's name. */
  readonly name: string;
  /** Linear maps are [out, in]. */
  readonly shape: ReadonlyArray<number>;
  readonly init: Initializer;
  /** A linear map between hidden states, to which Muon applies; vocabulary matrices, norms and taps are not. */
  readonly matrix: boolean;
}

/** Parameters of a graph by name. */
export type Parameters = Readonly<Record<string, Tensor>>;

/** The name of a parameter of block `layer`. */
export const layerName = (layer: number, rest: string): string => `model.layers.${layer}.${rest}`;

const normal = (std: number): Initializer => ({ kind: "normal", std });
/** Of vocabulary matrices, so that a fresh model predicts nearly uniformly. */
const VOCABULARY_STD = 0.02;
/** Of the convolution's taps. */
const TAP_BOUND = 0.5;

const linear = (name: string, out: number, fanIn: number, shrink = 1): ParameterSpec => ({
  name,
  shape: [out, fanIn],
  init: normal(1 / Math.sqrt(fanIn) / shrink),
  matrix: true,
});
const bias = (name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  init: { kind: "zeros" },
  matrix: false,
});
/** A norm that starts by changing nothing. */
const norm = (config: DecoderConfig, name: string, size: number): ParameterSpec => ({
  name,
  shape: [size],
  init: { kind: config.norm_offset === true ? "zeros" : "ones" },
  matrix: false,
});
const vocabulary = (name: string, config: DecoderConfig): ParameterSpec => ({
  name,
  shape: [config.vocab_size, config.hidden_size],
  init: normal(VOCABULARY_STD),
  matrix: false,
});

const blockSpecs = (config: DecoderConfig, layer: number): ReadonlyArray<ParameterSpec> => {
  const { hidden_size: D, intermediate_size: F, head_dim } = config;
  const H = config.num_attention_heads * head_dim;
  const G = config.num_key_value_heads * head_dim;
  // Both maps that write to the residual stream shrink with depth, so that its variance does not grow with it.
  const shrink = Math.sqrt(2 * config.num_hidden_layers);
  const name = (rest: string) => layerName(layer, rest);
  const taps: ReadonlyArray<ParameterSpec> =
    config.short_conv_kernel === undefined
      ? []
      : [
          {
            name: name("self_attn.short_conv.weight"),
            shape: [config.short_conv_kernel - 1, D],
            init: { kind: "uniform", bound: TAP_BOUND },
            matrix: false,
          },
        ];
  const map = (
    which: string,
    out: number,
    fanIn: number,
    biased: boolean,
    by = 1,
  ): ReadonlyArray<ParameterSpec> => [
    linear(name(`${which}_proj.weight`), out, fanIn, by),
    ...(biased ? [bias(name(`${which}_proj.bias`), out)] : []),
  ];
  const normed = (wanted: boolean | undefined, which: string, size: number) =>
    wanted === true ? [norm(config, name(`${which}.weight`), size)] : [];
  const { projection_bias, mlp_bias = false, qk_norm, sandwich_norms } = config;
  const queries = projection_bias !== undefined;
  return [
    ...normed(true, "input_layernorm", D),
    ...taps,
    ...map("self_attn.q", H, D, queries),
    ...normed(qk_norm, "self_attn.q_norm", head_dim),
    ...map("self_attn.k", G, D, queries),
    ...normed(qk_norm, "self_attn.k_norm", head_dim),
    ...map("self_attn.v", G, D, queries),
    ...map("self_attn.o", D, H, projection_bias === "qkvo", shrink),
    ...normed(true, "post_attention_layernorm", D),
    ...normed(sandwich_norms, "pre_feedforward_layernorm", D),
    ...map("mlp.gate", F, D, mlp_bias),
    ...map("mlp.up", F, D, mlp_bias),
    ...map("mlp.down", D, F, mlp_bias, shrink),
    ...normed(sandwich_norms, "post_feedforward_layernorm", D),
  ];
};

/** All parameters, in the order of the forward pass. */
export const parameterSpecs = (config: DecoderConfig): ReadonlyArray<ParameterSpec> => [
  vocabulary("model.embed_tokens.weight", config),
  ...Array.from({ length: config.num_hidden_layers }, (_, layer) =>
    blockSpecs(config, layer),
  ).flat(),
  norm(config, "model.norm.weight", config.hidden_size),
  ...(config.tie_word_embeddings ? [] : [vocabulary("lm_head.weight", config)]),
];

/** The linear maps of the blocks, by the names of their modules. */
export const linearMaps = (config: DecoderConfig): ReadonlyArray<string> =>
  parameterSpecs(config).flatMap(({ name, matrix }) =>
    matrix ? [name.slice(0, -".weight".length)] : [],
  );

/** The matrices of the model's adapter, which starts by changing nothing: B is zero. None without one. */
export const adapterSpecs = (config: DecoderConfig): ReadonlyArray<ParameterSpec> => {
  const { lora } = config;
  if (lora === undefined) return [];
  const shapes = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  return lora.maps.flatMap((map): ReadonlyArray<ParameterSpec> => {
    const [out, fanIn] = shapes.get(`${map}.weight`) as readonly [number, number];
    const { a, b } = loraNames(map);
    return [
      {
        name: a,
        shape: [lora.r, fanIn],
        init: { kind: "uniform", bound: 1 / Math.sqrt(fanIn) },
        matrix: true,
      },
      { name: b, shape: [out, lora.r], init: { kind: "zeros" }, matrix: true },
    ];
  });
};

/** What training moves: the adapter, or without one all parameters. */
export const trainableSpecs = (config: DecoderConfig): ReadonlyArray<ParameterSpec> =>
  config.lora === undefined ? parameterSpecs(config) : adapterSpecs(config);

/** What training leaves as it is: below an adapter all parameters, else none. */
export const frozenSpecs = (config: DecoderConfig): ReadonlyArray<ParameterSpec> =>
  config.lora === undefined ? [] : parameterSpecs(config);

/** Number of scalars in all parameters, those of an adapter not counted. */
export const parameterCount = (config: DecoderConfig): number =>
  parameterSpecs(config).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

const draw = (init: Initializer, random: Random): number => {
  switch (init.kind) {
    case "normal":
      return init.std * random.normal();
    case "uniform":
      return init.bound * (2 * random.next() - 1);
    case "ones":
      return 1;
    case "zeros":
      return 0;
  }
};

/** Fresh parameters. Each has a stream of its own, so the same seed and name give the same values in any model. */
export const initialize = (
  config: DecoderConfig,
  seed: number,
  specs: ReadonlyArray<ParameterSpec> = parameterSpecs(config),
): Map<string, Float32Array<ArrayBuffer>> =>
  new Map(
    specs.map(({ name, shape, init }) => {
      const random = makeRandom(seed, "initialize", name);
      return [name, Float32Array.from({ length: sizeOf(shape) }, () => draw(init, random))];
    }),
  );

/**
 * Graph inputs for all parameters, named `prefix + name`. Those that an adapter leaves as they are may have a prefix of
 * their own: student and teacher share them.
 */
export const parameterInputs = (
  config: DecoderConfig,
  prefix = "",
  frozenPrefix = prefix,
): Record<string, Tensor> => {
  const inputs: Record<string, Tensor> = {};
  for (const { name, shape } of frozenSpecs(config))
    inputs[name] = input(frozenPrefix + name, shape);
  for (const { name, shape } of trainableSpecs(config)) inputs[name] = input(prefix + name, shape);
  return inputs;
};
