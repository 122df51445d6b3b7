/**
 * Generation with a key-value cache, in two graphs: `prefill` reads whole prompts, `decodeStep` one token a row.
 *
 * A decode step only reads the cache. The rows of the new token come out of the graph beside the logits and are written
 * by `cacheWrite`, which backends run in place: so no step copies the cache, and rows of a batch may have any lengths.
 */
import {
  add,
  cachedAttention,
  concat,
  constant,
  full,
  gatherRows,
  less,
  logicalAnd,
  mul,
  reshape,
  sliceAxis,
  sub,
  type Tensor,
  TensorError,
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
import { finalNorm, HIDDEN_SCORE, logits, runBlocks } from "./decoder.ts";
import { layerName, type Parameters } from "./parameters.ts";

/** What generation carries from token to token, one tensor a layer. */
export interface Cache {
  /** Rotated keys [B,G,C,Dh]. Rows from the row's position on are ignored, but must be finite. */
  readonly keys: ReadonlyArray<Tensor>;
  /** [B,G,C,Dh]. */
  readonly values: ReadonlyArray<Tensor>;
  /** canon_llama: the last inputs of the convolution, newest last, [B,3,D]. Empty for llama. */
  readonly conv: ReadonlyArray<Tensor>;
}

const iota = (size: number): Int32Array => Int32Array.from({ length: size }, (_, i) => i);

/** Row b of a flattened [B·stride] array at offset from[b] + step, for each step: i32 [B, steps]. */
const rowsAt = (from: Tensor, stride: number, steps: number, shift: number): Tensor => {
  const B = from.shape[0]!;
  const base = Int32Array.from(
    { length: B * steps },
    (_, at) => Math.floor(at / steps) * stride + (at % steps) + shift,
  );
  return add(constant(base, [B, steps], "i32"), reshape(from, [B, 1]));
};

/**
 * Reads prompts from position 0.
 *
 * @param ids i32 [B,T], right-padded
 * @param lengths i32 [B], 1 ≤ lengths[b] ≤ T
 * @returns `last` [B,D], the final hidden state of each prompt's last token (give it to `logits`); a cache of capacity
 *   T, whose rows from lengths[b] on hold padding; conv states with zeros where the prompt is shorter than 3
 */
export const prefill = (
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor,
  lengths: Tensor,
): Cache & { readonly last: Tensor } => {
  const { x, traces } = runBlocks(config, parameters, ids);
  const [B, T] = ids.shape as [number, number];
  const D = config.hidden_size;
  const last = gatherRows(x, reshape(rowsAt(lengths, T, 1, -1), [B]));
  return {
    last: finalNorm(config, parameters, last),
    keys: traces.map(({ k }) => k),
    values: traces.map(({ v }) => v),
    conv: traces.flatMap(({ padded }) => {
      if (padded === undefined) return [];
      const length = padded.shape[1]!;
      // Token t lies at row t + 3 of the padded input, so the last three tokens begin at row `lengths`.
      const rows = rowsAt(lengths, length, length - T, 0);
      return [gatherRows(reshape(padded, [B * length, D]), rows)];
    }),
  };
};

/** The convolution of one new row h[B,D] after a state [B,3,D], and the state after it. */
const convStep = (state: Tensor, h_BD: Tensor, taps: Tensor): { h: Tensor; state: Tensor } => {
  const [B, reach, D] = state.shape as [number, number, number];
  let sum = h_BD;
  for (let j = 0; j < reach; j++) {
    const before_BD = reshape(sliceAxis(state, 1, reach - 1 - j, reach - j), [B, D]);
    sum = add(sum, mul(reshape(sliceAxis(taps, 0, j, j + 1), [D]), before_BD));
  }
  const next = concat([sliceAxis(state, 1, 1, reach), reshape(h_BD, [B, 1, D])], 1);
  return { h: sum, state: next };
};

/**
 * 0 where cache row c of C is visible to the token at a position, else hidden, [B,1,1,C]: rows before the position,
 * and of these, where a layer has a window, the last window − 1.
 */
const hiddenScores = (positions: Tensor, C: number): ((window: number | undefined) => Tensor) => {
  const B = positions.shape[0]!;
  const rows = constant(iota(C), [1, C], "i32");
  const at = reshape(positions, [B, 1]);
  const score = (visible: Tensor): Tensor =>
    reshape(where(visible, full(0, []), full(HIDDEN_SCORE, [])), [B, 1, 1, C]);
  const past = less(rows, at);
  const known = new Map<number | undefined, Tensor>();
  return (window) => {
    const near = window === undefined || window > C ? undefined : window;
    const found = known.get(near);
    if (found !== undefined) return found;
    const made = score(near === undefined ? past : logicalAnd(past, less(sub(at, rows), near)));
    known.set(near, made);
    return made;
  };
};

/**
 * One token a row: logits of the next one, and what the cache has to remember of this one.
 *
 * @param tokens i32 [B]
 * @param positions i32 [B]: position of the token, which is the number of cache rows it sees, 0 ≤ positions[b] ≤ C
 * @returns logits [B,V]; new key and value rows [B,G,1,Dh] a layer, to be written at `positions`; new conv states
 */
export const decodeStep = (
  config: DecoderConfig,
  parameters: Parameters,
  tokens: Tensor,
  positions: Tensor,
  cache: Cache,
): Cache & { readonly logits: Tensor } => {
  const {
    num_hidden_layers: L,
    num_attention_heads: H,
    num_key_value_heads: G,
    head_dim: Dh,
  } = config;
  const B = tokens.shape[0]!;
  const C = cache.keys[0]?.shape[2] ?? 0;
  const convLayers = config.short_conv_kernel === undefined ? 0 : L;
  if (cache.keys.length !== L || cache.values.length !== L || cache.conv.length !== convLayers) {
    throw new TensorError(
      `decodeStep: Expected a cache of ${L} keys, ${L} values and ${convLayers} conv states, got ${cache.keys.length}, ${cache.values.length} and ${cache.conv.length}; give one tensor a layer`,
    );
  }
  const angles = (rows: Tensor) => reshape(gatherRows(rows, positions), [B, 1, 1, Dh / 2]);
  const tableOf = ropeTables(config, C + 1, ({ cos, sin }) => ({
    cos: angles(cos),
    sin: angles(sin),
  }));
  const scoresOf = hiddenScores(positions, C);

  const keys: Array<Tensor> = [];
  const values: Array<Tensor> = [];
  const conv: Array<Tensor> = [];
  let x_BD = embed(config, parameters, tokens);
  for (let layer = 0; layer < L; layer++) {
    const name = (rest: string) => layerName(layer, rest);
    let h_BD = normalize(config, parameters, name("input_layernorm.weight"), x_BD);
    if (convLayers > 0) {
      const taps = parameter(parameters, name("self_attn.short_conv.weight"));
      const step = convStep(cache.conv[layer]!, h_BD, taps);
      h_BD = step.h;
      conv.push(step.state);
    }
    const rows = projectHeads(config, parameters, layer, h_BD);
    const turned = (which: "q" | "k", heads: number) => {
      const byHead = reshape(rows[which], [B, heads, 1, Dh]);
      return rotate(normalizeHeads(config, parameters, layer, which, byHead), tableOf(layer));
    };
    const k = turned("k", G);
    const v = reshape(rows.v, [B, G, 1, Dh]);
    const q = reshape(turned("q", H), [B, G, H / G, Dh]);
    keys.push(k);
    values.push(v);
    const hiddenScore = scoresOf(windowOf(config, layer));
    const [oldKeys, oldValues] = [cache.keys[layer]!, cache.values[layer]!];
    const mixed = cachedAttention(
      { q, k, v, keys: oldKeys, values: oldValues, mask: hiddenScore },
      attentionScale(config),
    );
    x_BD = feedForward(
      config,
      parameters,
      layer,
      addAttention(config, parameters, layer, x_BD, mixed),
    );
  }
  return {
    logits: logits(config, parameters, finalNorm(config, parameters, x_BD)),
    keys,
    values,
    conv,
  };
};
