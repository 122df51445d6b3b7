/** The pieces that training and generation share, on states flattened to rows: [N, D] with N = B·T. */
import {
  add,
  constant,
  gatherRows,
  matMul,
  mul,
  rmsNorm,
  silu,
  type Tensor,
  TensorError,
} from "@resd/tensor";
import type { DecoderConfig } from "./config.ts";
import { layerName, type Parameters } from "./parameters.ts";

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

/** rows[N,in] · weight[out,in]ᵀ → [N,out]. */
export const project = (parameters: Parameters, name: string, rows: Tensor): Tensor =>
  matMul(rows, parameter(parameters, name), { transB: true });

/** rows[N,D] normalised by the RMSNorm of a name. */
export const normalize = (
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  rows: Tensor,
): Tensor => rmsNorm(rows, parameter(parameters, name), config.rms_norm_eps);

/** Rows of the embedding: ids[…] → […,D]. */
export const embed = (parameters: Parameters, ids: Tensor): Tensor =>
  gatherRows(parameter(parameters, "model.embed_tokens.weight"), ids);

/** x + down(silu(gate(h))·up(h)), h = norm(x): the second half of a block (SwiGLU, Shazeer 2020). */
export const feedForward = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x_ND: Tensor,
): Tensor => {
  const name = (rest: string) => layerName(layer, rest);
  const h_ND = normalize(config, parameters, name("post_attention_layernorm.weight"), x_ND);
  const gate_NF = silu(project(parameters, name("mlp.gate_proj.weight"), h_ND));
  const up_NF = project(parameters, name("mlp.up_proj.weight"), h_ND);
  return add(x_ND, project(parameters, name("mlp.down_proj.weight"), mul(gate_NF, up_NF)));
};

/** cos and sin of position·θ^(−2i/head_dim), each [positions, head_dim/2] (Su et al. 2021), rounded to f32. */
export interface RopeTable {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** The table of positions 0 ≤ p < positions. */
export const ropeTable = (config: DecoderConfig, positions: number): RopeTable => {
  const half = config.head_dim / 2;
  const angles = Float64Array.from(
    { length: positions * half },
    (_, at) => Math.floor(at / half) * config.rope_theta ** (-(at % half) / half),
  );
  const shape = [positions, half];
  return { cos: constant(angles.map(Math.cos), shape), sin: constant(angles.map(Math.sin), shape) };
};

/** The three projections of normalised rows h[N,D], each [N, heads·head_dim]. */
export const projectHeads = (parameters: Parameters, layer: number, h_ND: Tensor) => ({
  q: project(parameters, layerName(layer, "self_attn.q_proj.weight"), h_ND),
  k: project(parameters, layerName(layer, "self_attn.k_proj.weight"), h_ND),
  v: project(parameters, layerName(layer, "self_attn.v_proj.weight"), h_ND),
});
