/** The programs of generation: read prompts, share them among rows, add a token, rearrange the caches. */
import {
  type DecoderConfig,
  decodeStep,
  frozenSpecs,
  logits,
  parameterInputs,
  parameterSpecs,
  type Parameters,
  prefill,
} from "@resd/models";
import {
  cacheWrite,
  concat,
  gatherRows,
  graph,
  input,
  pad,
  reshape,
  sample,
  type Tensor,
} from "@resd/tensor";
import type { ProgramSource } from "./programs.ts";

/** Rows and capacity of a cache. */
export interface CacheSize {
  readonly B: number;
  readonly C: number;
}

interface LayerCaches {
  /** [B,G,C,Dh] a layer. */
  readonly keys: ReadonlyArray<Tensor>;
  readonly values: ReadonlyArray<Tensor>;
  /** [B,3,D] a layer; none in families without a short convolution. */
  readonly conv: ReadonlyArray<Tensor>;
}

/** Caches travel between programs under the names `key/0`, `value/0`, `conv/0`, … */
const named = ({ keys, values, conv }: LayerCaches): Record<string, Tensor> => {
  const outputs: Record<string, Tensor> = {};
  keys.forEach((tensor, layer) => (outputs[`key/${layer}`] = tensor));
  values.forEach((tensor, layer) => (outputs[`value/${layer}`] = tensor));
  conv.forEach((tensor, layer) => (outputs[`conv/${layer}`] = tensor));
  return outputs;
};

const cacheInputs = (config: DecoderConfig, { B, C }: CacheSize, under = ""): LayerCaches => {
  const { num_hidden_layers: L, num_key_value_heads: G, head_dim: Dh, hidden_size: D } = config;
  const layers = (prefix: string, shape: ReadonlyArray<number>): ReadonlyArray<Tensor> =>
    Array.from({ length: L }, (_, layer) => input(`${under}${prefix}/${layer}`, shape));
  return {
    keys: layers("key", [B, G, C, Dh]),
    values: layers("value", [B, G, C, Dh]),
    conv: config.short_conv_kernel === undefined ? [] : layers("conv", [B, 3, D]),
  };
};

/** Bytes that one row of `C` positions takes in all caches. */
export const cacheBytes = (config: DecoderConfig, C: number): number =>
  8 * config.num_hidden_layers * config.num_key_value_heads * C * config.head_dim;

const drawn = (rows: Tensor, B: number, topK: number): Record<string, Tensor> => {
  const perRow = (name: string): Tensor => input(name, [B]);
  const { ids, logProbs } = sample(rows, perRow("uniform"), perRow("temperature"), perRow("topP"), {
    topK,
  });
  return { ids, logProbs };
};

/** Axis `axis` filled up with zeros to `size`. */
const extended = (x: Tensor, axis: number, size: number): Tensor => {
  const missing = size - (x.shape[axis] as number);
  if (missing === 0) return x;
  const none = x.shape.map(() => 0);
  return pad(x, none, none.with(axis, missing));
};

/** Caches of capacity C and the last hidden state of each of the prompts ids i32 [B,T] with lengths i32 [B], T ≤ C. */
const readPrompts = (
  config: DecoderConfig,
  parameters: Parameters,
  { B, C }: CacheSize,
  T: number,
): { readonly last: Tensor; readonly caches: Record<string, Tensor> } => {
  const read = prefill(
    config,
    parameters,
    input("ids", [B, T], "i32"),
    input("lengths", [B], "i32"),
  );
  const caches = named({
    keys: read.keys.map((x) => extended(x, 2, C)),
    values: read.values.map((x) => extended(x, 2, C)),
    conv: read.conv,
  });
  return { last: read.last, caches };
};

/** Prompts and sampling settings of every row → caches, and the first token of every row. */
export const prefillProgram = (
  config: DecoderConfig,
  size: CacheSize,
  T: number,
  topK: number,
): ProgramSource => {
  const parameters = parameterInputs(config, "p/");
  const { last, caches } = readPrompts(config, parameters, size, T);
  const first = drawn(logits(config, parameters, last), size.B, topK);
  return { graph: graph({ ...caches, ...first }, { name: `prefill ${size.B}x${T}` }) };
};

/** Prompts → caches and logits [B,V] of the first token: for prompts that several rows share. */
export const sharedPrefillProgram = (
  config: DecoderConfig,
  size: CacheSize,
  T: number,
): ProgramSource => {
  const parameters = parameterInputs(config, "p/");
  const { last, caches } = readPrompts(config, parameters, size, T);
  const first = logits(config, parameters, last);
  return {
    graph: graph({ ...caches, logits: first }, { name: `shared prefill ${size.B}x${T}` }),
  };
};

/** rows i32 [B'] and sampling settings → caches of the prompts that the rows share, and the first token of every row. */
export const shareProgram = (
  config: DecoderConfig,
  from: CacheSize,
  to: CacheSize,
  topK: number,
): ProgramSource => {
  const caches = rearranged(config, from, to);
  const shared = input("logits", [from.B, config.vocab_size]);
  const first = drawn(gatherRows(shared, input("rows", [to.B], "i32")), to.B, topK);
  return {
    graph: graph({ ...caches, ...first }, { name: `share ${from.B} among ${to.B}x${to.C}` }),
    options: { donate: [...Object.keys(caches), "logits"] },
  };
};

/**
 * tokens i32 [B] at positions i32 [B] → the next token of every row; caches are donated and written in place. With
 * `baked` the backend may pack the weights into the program.
 */
export const decodeProgram = (
  config: DecoderConfig,
  size: CacheSize,
  topK: number,
  baked: boolean,
): ProgramSource => {
  const { B, C } = size;
  const parameters = parameterInputs(config, "p/");
  // Below an adapter nothing ever changes; the adapter does with every update.
  const lasting = config.lora === undefined ? parameterSpecs(config) : frozenSpecs(config);
  const caches = cacheInputs(config, size);
  const positions = input("positions", [B], "i32");
  const step = decodeStep(config, parameters, input("tokens", [B], "i32"), positions, caches);
  const written = (cache: ReadonlyArray<Tensor>, rows: ReadonlyArray<Tensor>) =>
    cache.map((tensor, layer) => cacheWrite(tensor, rows[layer] as Tensor, positions));
  const next = named({
    keys: written(caches.keys, step.keys),
    values: written(caches.values, step.values),
    conv: step.conv,
  });
  return {
    graph: graph({ ...next, ...drawn(step.logits, B, topK) }, { name: `decode ${B}x${C}` }),
    options: {
      donate: Object.keys(next),
      ...(baked ? { constant: lasting.map(({ name }) => `p/${name}`) } : {}),
    },
  };
};

/** The caches of `rows` i32 [B'] among those of size `from`, with capacity C' ≥ C. */
const rearranged = (
  config: DecoderConfig,
  from: CacheSize,
  to: CacheSize,
): Record<string, Tensor> => {
  const caches = cacheInputs(config, from);
  const rows = input("rows", [to.B], "i32");
  const chosen = (x: Tensor): Tensor => {
    const [, ...rest] = x.shape;
    return reshape(gatherRows(reshape(x, [from.B, -1]), rows), [to.B, ...rest]);
  };
  return named({
    keys: caches.keys.map((x) => extended(chosen(x), 2, to.C)),
    values: caches.values.map((x) => extended(chosen(x), 2, to.C)),
    conv: caches.conv.map(chosen),
  });
};

/** rows i32 [B'] → caches that hold those rows of the old ones, with capacity C' ≥ C; the old ones are spent. */
export const rearrangeProgram = (
  config: DecoderConfig,
  from: CacheSize,
  to: CacheSize,
): ProgramSource => {
  const next = rearranged(config, from, to);
  return {
    graph: graph(next, { name: `rearrange ${from.B}x${from.C} to ${to.B}x${to.C}` }),
    options: { donate: Object.keys(next) },
  };
};

/**
 * Caches of B rows, those of B' other ones under `new/`, and rows i32 [B] → the caches with the rows that are asked for,
 * counted through both; all of them are spent.
 */
export const joinProgram = (
  config: DecoderConfig,
  size: CacheSize,
  entering: number,
): ProgramSource => {
  const { B, C } = size;
  const old = cacheInputs(config, size);
  const fresh = cacheInputs(config, { B: entering, C }, "new/");
  const rows = input("rows", [B], "i32");
  const chosen = (xs: ReadonlyArray<Tensor>, others: ReadonlyArray<Tensor>) =>
    xs.map((x, layer) => {
      const flat = [x, others[layer] as Tensor].map((part) =>
        reshape(part, [part.shape[0] as number, -1]),
      );
      return reshape(gatherRows(concat(flat, 0), rows), x.shape);
    });
  const next = named({
    keys: chosen(old.keys, fresh.keys),
    values: chosen(old.values, fresh.values),
    conv: chosen(old.conv, fresh.conv),
  });
  const names = Object.keys(next);
  return {
    graph: graph(next, { name: `join ${entering} to ${B}x${C}` }),
    options: { donate: [...names, ...names.map((name) => `new/${name}`)] },
  };
};
