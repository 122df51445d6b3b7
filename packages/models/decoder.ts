/**
 * Hidden states and logits of whole sequences: the graph of training and scoring.
 *
 * Sequences are right-padded and start at position 0, so the causal mask and the rotary tables are constants of the
 * graph, and what stands in the padding never reaches a real token.
 */
import {
  add,
  attention,
  checkpoint,
  constant,
  div,
  full,
  less,
  matMul,
  mul,
  pad,
  reshape,
  sliceAxis,
  sub,
  tanh,
  type Tensor,
  TensorError,
  transpose,
  where,
} from "@resd/tensor";
import {
  addAttention,
  attentionScale,
  embed,
  feedForward,
  normalize,
  normalizeHeads,
  parameter,
  projectHeads,
  ropeTables,
  rotate,
  windowOf,
} from "./block.ts";
import type { DecoderConfig } from "./config.ts";
import { layerName, type Parameters } from "./parameters.ts";
import type { RopeTable } from "./rope.ts";

/** What one block keeps for generation. */
export interface BlockTrace {
  /** Rotated keys [B,G,T,Dh]. */
  readonly k: Tensor;
  /** Values [B,G,T,Dh]. */
  readonly v: Tensor;
  /** canon_llama: the convolution's input with three zero rows before it, [B,T+3,D]. */
  readonly padded: Tensor | undefined;
}

/**
 * The short causal depth-wise convolution (Allen-Zhu 2025, "canon layer"): h[t] + Σⱼ wⱼ·h[t−1−j], j = 0, 1, 2, with
 * zeros before the start.
 *
 * @param padded [B, T+3, D]
 * @param taps [3, D]: row j multiplies h[t−1−j]
 */
const shortConv = (padded_BPD: Tensor, taps: Tensor): Tensor => {
  const [, length, D] = padded_BPD.shape as [number, number, number];
  const reach = taps.shape[0]!;
  const T = length - reach;
  const at = (back: number) => sliceAxis(padded_BPD, 1, reach - back, reach - back + T);
  let sum = at(0);
  for (let j = 0; j < reach; j++) {
    sum = add(sum, mul(reshape(sliceAxis(taps, 0, j, j + 1), [D]), at(j + 1)));
  }
  return sum;
};

/** What is added to hide a key: finite, so that a row that sees nothing would stay a number. */
export const HIDDEN_SCORE = -1e9;

/** 0 where query t is less than `window` positions after key s, else hidden: [T,T]. None where all are. */
const windowMask = (T: number, window: number | undefined): Tensor | undefined => {
  if (window === undefined || window >= T) return undefined;
  const at = Int32Array.from({ length: T }, (_, i) => i);
  const distance = sub(constant(at, [T, 1], "i32"), constant(at, [1, T], "i32"));
  const near = less(distance, window);
  return where(near, full(0, []), full(HIDDEN_SCORE, []));
};

/** One block on x[B·T, D]. */
const block = (
  config: DecoderConfig,
  parameters: Parameters,
  layer: number,
  x_ND: Tensor,
  [B, T]: readonly [number, number],
  table: RopeTable | undefined,
): { readonly x: Tensor; readonly trace: BlockTrace } => {
  const { hidden_size: D, head_dim: Dh } = config;
  const name = (rest: string) => layerName(layer, rest);
  let h_ND = normalize(config, parameters, name("input_layernorm.weight"), x_ND);
  let padded: Tensor | undefined;
  if (config.short_conv_kernel !== undefined) {
    const reach = config.short_conv_kernel - 1;
    padded = pad(reshape(h_ND, [B, T, D]), [0, reach, 0], [0, 0, 0]);
    const taps = parameter(parameters, name("self_attn.short_conv.weight"));
    h_ND = reshape(shortConv(padded, taps), [B * T, D]);
  }
  const rows = projectHeads(config, parameters, layer, h_ND);
  const heads = (x: Tensor, count: number) => reshape(x, [B, T, count, Dh]);
  const turned = (which: "q" | "k", count: number) => {
    const byTime = normalizeHeads(config, parameters, layer, which, heads(rows[which], count));
    return rotate(transpose(byTime, [0, 2, 1, 3]), table);
  };
  const q = turned("q", config.num_attention_heads);
  const k = turned("k", config.num_key_value_heads);
  const v = transpose(heads(rows.v, config.num_key_value_heads), [0, 2, 1, 3]);
  const mixed_BHTD = attention(q, k, v, windowMask(T, windowOf(config, layer)), {
    causal: true,
    scale: attentionScale(config),
  });
  const x = addAttention(config, parameters, layer, x_ND, transpose(mixed_BHTD, [0, 2, 1, 3]));
  return { x: feedForward(config, parameters, layer, x), trace: { k, v, padded } };
};

/** How the graph of whole sequences is built; nothing of it changes a value. */
export interface HiddenOptions {
  /** Keeps the states between blocks for the gradient, and computes what is inside a block a second time. */
  readonly checkpoint?: boolean;
}

/** A block of which the gradient keeps nothing but the states before it. */
const checkpointed = (
  parameters: Parameters,
  layer: number,
  x_ND: Tensor,
  of: (parameters: Parameters, x_ND: Tensor) => Tensor,
): Tensor => {
  const names = Object.keys(parameters).filter((name) => name.startsWith(layerName(layer, "")));
  const inputs = [x_ND, ...names.map((name) => parameter(parameters, name))];
  return checkpoint(inputs, ([x, ...own]) =>
    of(Object.fromEntries(names.map((name, i) => [name, own[i] as Tensor])), x as Tensor),
  );
};

/** Batch and time of ids i32 [B,T] that a model can read. */
const sizeOfIds = (config: DecoderConfig, ids: Tensor): readonly [B: number, T: number] => {
  const [B, T, ...rest] = ids.shape;
  if (B === undefined || T === undefined || rest.length > 0 || ids.dtype !== "i32") {
    throw new TensorError(
      `decoder: Expected ids i32 [B,T], got ${ids.dtype} [${ids.shape.join(",")}]; pad sequences to one length`,
    );
  }
  if (T > config.max_position_embeddings) {
    throw new TensorError(
      `decoder: Expected at most ${config.max_position_embeddings} positions (max_position_embeddings), got ${T}; shorten the sequences`,
    );
  }
  return [B, T];
};

/** All blocks: states before the final norm, [B·T, D], and what each block keeps. */
export const runBlocks = (
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
): { readonly x: Tensor; readonly traces: ReadonlyArray<BlockTrace> } => {
  const [B, T] = sizeOfIds(config, ids);
  const tableOf = ropeTables(config, T);
  const traces: Array<BlockTrace> = [];
  let x = reshape(embed(config, parameters, ids), [B * T, config.hidden_size]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const result = block(config, parameters, layer, x, [B, T], tableOf(layer));
    x = result.x;
    traces.push(result.trace);
  }
  return { x, traces };
};

/** The final norm, on rows [N,D]. */
export const finalNorm = (config: DecoderConfig, parameters: Parameters, rows: Tensor): Tensor =>
  normalize(config, parameters, "model.norm.weight", rows);

/**
 * Hidden states after the final norm.
 *
 * @param ids i32 [B,T], right-padded with any valid id
 * @returns [B,T,D]; rows of padding are defined but mean nothing
 */
export const hidden = (
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  options: HiddenOptions = {},
): Tensor => {
  const [B, T] = sizeOfIds(config, ids);
  const tableOf = ropeTables(config, T);
  let x = reshape(embed(config, parameters, ids), [B * T, config.hidden_size]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const of = (own: Parameters, states: Tensor): Tensor =>
      block(config, own, layer, states, [B, T], tableOf(layer)).x;
    x = options.checkpoint === true ? checkpointed(parameters, layer, x, of) : of(parameters, x);
  }
  return reshape(finalNorm(config, parameters, x), [B, T, config.hidden_size]);
};

/** cap·tanh(x/cap): near x where it is small, never beyond the cap. */
const softCap = (x: Tensor, cap: number): Tensor => mul(tanh(div(x, cap)), cap);

const headName = ({ tie_word_embeddings: tied }: DecoderConfig): string =>
  tied ? "model.embed_tokens.weight" : "lm_head.weight";

/** The parameters that `logits` reads. */
export const headWeights = (
  config: DecoderConfig,
  parameters: Parameters,
): ReadonlyArray<Tensor> => [parameter(parameters, headName(config))];

/** Logits of hidden states after the final norm: rows[N,D] → [N,V]. */
export const logits = (config: DecoderConfig, parameters: Parameters, rows: Tensor): Tensor => {
  const raw = matMul(rows, parameter(parameters, headName(config)), { transB: true });
  const cap = config.final_logit_softcapping;
  return cap === undefined ? raw : softCap(raw, cap);
};
