/** The pieces that training and generation share, on states flattened to rows: [N, D] with N = B·T. */
import {
  add,
  gatherRows,
  matMul,
  mul,
  reshape,
  rmsNorm,
  rope,
  silu,
  tanh,
  type Tensor,
  TensorError,
} from "@resd/tensor";
import type { DecoderConfig } from "./config.ts";
import { type Lora, loraNames, loraScale } from "./lora.ts";
import { layerName, type Parameters } from "./parameters.ts";
import { ropeFrequencies, type RopeTable, ropeTable } from "./rope.ts";

/** The parameter of a name; a missing one is the caller's mistake and is named. */
export const parameter = (parameters: Parameters, name: string): Tensor => {
  const found = parameters[name];
  if (found === undefined) {
    throw new TensorError(
      `decoder: Expected parameter ${name}, got none among ${Object.keys(parameters).length}; make them with parameterInputs(config)`,
    );
  }
  return found;
};

/** scale·B(Ax) of an adapted map, rows[N,in] → [N,out]; through the rank, so that B·A is never formed. */
const adaptation = (lora: Lora, parameters: Parameters, map: string, rows: Tensor): Tensor => {
  const { a, b } = loraNames(map);
  const low_NR = matMul(rows, parameter(parameters, a), { transB: true });
  return matMul(low_NR, parameter(parameters, b), { transB: true, alpha: loraScale(lora) });
};

/** rows[N,in] · weight[out,in]ᵀ, plus bias [out] and adapter where the map has them → [N,out]. */
export const project = (
  { lora }: Pick<DecoderConfig, "lora">,
  parameters: Parameters,
  map: string,
  rows: Tensor,
  biased = false,
): Tensor => {
  const product = matMul(rows, parameter(parameters, `${map}.weight`), { transB: true });
  const shifted = biased ? add(product, parameter(parameters, `${map}.bias`)) : product;
  return lora?.maps.includes(map) === true
    ? add(shifted, adaptation(lora, parameters, map, rows))
    : shifted;
};

/** x[…,D] normalised by the RMSNorm of a name, whose weight gemma3 stores less 1. */
export const normalize = (
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor,
): Tensor => {
  const stored = parameter(parameters, name);
  const weight = config.norm_offset === true ? add(stored, 1) : stored;
  return rmsNorm(x, weight, config.rms_norm_eps);
};

/** Rows of the embedding: ids[…] → […,D]. */
export const embed = (config: DecoderConfig, parameters: Parameters, ids: Tensor): Tensor => {
  const rows = gatherRows(parameter(parameters, "model.embed_tokens.weight"), ids);
  return config.embedding_scale === undefined ? rows : mul(rows, config.embedding_scale);
};

/** x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))): the approximation of x·Φ(x) that gemma3 was trained with. */
const gelu = (x: Tensor): Tensor => {
  const cubed = mul(x, mul(x, x));
  const inner = mul(add(x, mul(cubed, 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
};

/** x plus what a half of a block adds to it, normalised once more where the family does so. */
export const joinResidual = (
  config: DecoderConfig,
  parameters: Parameters,
  x: Tensor,
  added: Tensor,
  afterNorm: string,
): Tensor =>
  add(x, config.sandwich_norms === true ? normalize(config, parameters, afterNorm, added) : added);

/** x + down(silu(gate(h))·up(h)), h = norm(x): the second half of a block (SwiGLU, Shazeer 2020). */
export const feedForward = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x_ND: Tensor,
): Tensor => {
  const name = (rest: string) => layerName(layer, rest);
  const before =
    config.sandwich_norms === true ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  const h_ND = normalize(config, parameters, name(`${before}.weight`), x_ND);
  const map = (which: string, rows: Tensor) =>
    project(config, parameters, name(`mlp.${which}_proj`), rows, config.mlp_bias === true);
  const activation = config.hidden_act === "gelu_pytorch_tanh" ? gelu : silu;
  const gate_NF = activation(map("gate", h_ND));
  const out_ND = map("down", mul(gate_NF, map("up", h_ND)));
  return joinResidual(config, parameters, x_ND, out_ND, name("post_feedforward_layernorm.weight"));
};

/** The three projections of normalised rows h[N,D], each [N, heads·head_dim]. */
export const projectHeads = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  h_ND: Tensor,
) => {
  const map = (which: string) =>
    project(
      config,
      parameters,
      layerName(layer, `self_attn.${which}_proj`),
      h_ND,
      config.projection_bias !== undefined,
    );
  return { q: map("q"), k: map("k"), v: map("v") };
};

/** Queries or keys with each head normalised by itself, where the family does so; heads are the last axis. */
export const normalizeHeads = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  which: "q" | "k",
  x: Tensor,
): Tensor =>
  config.qk_norm === true
    ? normalize(config, parameters, layerName(layer, `self_attn.${which}_norm.weight`), x)
    : x;

/** What attention found, [N, heads·head_dim], mapped back and added to x[N,D]. */
export const addAttention = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x_ND: Tensor,
  mixed: Tensor,
): Tensor => {
  const name = (rest: string) => layerName(layer, rest);
  const out_ND = project(
    config,
    parameters,
    name("self_attn.o_proj"),
    reshape(mixed, [x_ND.shape[0]!, config.num_attention_heads * config.head_dim]),
    config.projection_bias === "qkvo",
  );
  return joinResidual(config, parameters, x_ND, out_ND, name("post_attention_layernorm.weight"));
};

/** Factor of the scores of attention. */
export const attentionScale = (config: DecoderConfig): number =>
  1 / Math.sqrt(config.query_pre_attn_scalar ?? config.head_dim);

/** How many positions a layer sees, its own included; undefined where it sees all. */
export const windowOf = (config: DecoderConfig, layer: number): number | undefined =>
  config.layer_types?.[layer] === "sliding_attention" ? config.sliding_window : undefined;

/** x[B,H,T,Dh] turned by the angles of its positions; as it is where a layer has no rotary embedding. */
export const rotate = (x: Tensor, table: RopeTable | undefined): Tensor =>
  table === undefined ? x : rope(x, table.cos, table.sin);

/**
 * Rotary tables for positions 0 ≤ p < positions, by layer; undefined for a layer without rotary embedding. Layers of
 * one kind share a table.
 *
 * @param prepare what is made of each table, once
 */
export const ropeTables = (
  config: DecoderConfig,
  positions: number,
  prepare: (table: RopeTable) => RopeTable = (table) => table,
): ((layer: number) => RopeTable | undefined) => {
  const { head_dim, rope_theta, rope_local_base_freq } = config;
  const known = new Map<boolean, RopeTable>();
  return (layer) => {
    if (config.no_rope_layers?.[layer] === 0) return undefined;
    const local = rope_local_base_freq !== undefined && windowOf(config, layer) !== undefined;
    const found = known.get(local);
    if (found !== undefined) return found;
    const frequencies = local
      ? ropeFrequencies(rope_local_base_freq, head_dim)
      : ropeFrequencies(rope_theta, head_dim, config.rope_scaling);
    const table = prepare(ropeTable(frequencies, positions));
    known.set(local, table);
    return table;
  };
};
