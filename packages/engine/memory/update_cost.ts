/** What a micro-batch costs: from its graph, which is traced for a few layers only, since all others repeat them. */
import type { Objective } from "@resd/core";
import { type DecoderConfig, layerName } from "@resd/models";
import {
  type Graph,
  graphCost,
  type GraphCost,
  lower,
  PASSES,
  type SizedValue,
} from "@resd/tensor";
import type { UpdateShape } from "../update_batch.ts";
import { programKey, updateProgram } from "../update_program.ts";

/** Layers of the two models that are traced; what comes with each further layer is their difference. */
const FEW = 2;
const MORE = 4;

/** The model with its first layers alone. */
export const withLayers = (config: DecoderConfig, layers: number): DecoderConfig => {
  const { layer_types, no_rope_layers, lora, ...rest } = config;
  const kept = (map: string) =>
    Array.from({ length: layers }, (_, layer) => layerName(layer, "")).some((one) =>
      map.startsWith(one),
    );
  return {
    ...rest,
    num_hidden_layers: layers,
    ...(layer_types === undefined ? {} : { layer_types: layer_types.slice(0, layers) }),
    ...(no_rope_layers === undefined ? {} : { no_rope_layers: no_rope_layers.slice(0, layers) }),
    ...(lora === undefined ? {} : { lora: { ...lora, maps: lora.maps.filter(kept) } }),
  };
};

/** Costs of a graph of any number of layers, from those of its models with few. Attention is counted as if taken apart. */
export const costOfLayers = (
  config: DecoderConfig,
  graphOf: (config: DecoderConfig) => Graph,
): GraphCost => {
  const costOf = (some: DecoderConfig): GraphCost =>
    graphCost(lower(graphOf(some), (op) => !PASSES.has(op)));
  const L = config.num_hidden_layers;
  if (L <= MORE) return costOf(config);
  const [few, more] = [costOf(withLayers(config, FEW)), costOf(withLayers(config, MORE))];
  const all = (of: (cost: GraphCost) => number): number =>
    of(few) + ((of(more) - of(few)) / (MORE - FEW)) * (L - FEW);
  return {
    operations: all(({ operations }) => operations),
    inputs: all(({ inputs }) => inputs),
    outputs: all(({ outputs }) => outputs),
    working: all(({ working }) => working),
    largest: more.largest,
  };
};

const known = new WeakMap<DecoderConfig, Map<string, GraphCost>>();

/** Costs of one program of an update. */
export const updateCost = (
  config: DecoderConfig,
  objective: Objective,
  shape: UpdateShape,
): GraphCost => {
  const costs = known.get(config) ?? new Map<string, GraphCost>();
  known.set(config, costs);
  const key = programKey(objective, shape);
  const cost =
    costs.get(key) ?? costOfLayers(config, (some) => updateProgram(some, objective, shape).graph);
  costs.set(key, cost);
  return cost;
};

/** More bytes than a program of an update works on, without looking at its graph. */
export const roughWorkingBytes = (config: DecoderConfig, shape: UpdateShape): number => {
  const { B, studentLength, teacherLength, N, chunk } = shape;
  const heads = config.num_attention_heads;
  const tokens = B * (studentLength + teacherLength);
  const perToken =
    16 * config.hidden_size + 6 * heads * config.head_dim + 8 * config.intermediate_size;
  const scores = 4 * heads * B * (studentLength ** 2 + teacherLength ** 2);
  const logits = 16 * Math.min(N, chunk) * config.vocab_size;
  const head = 3 * config.vocab_size * config.hidden_size;
  return 4 * (config.num_hidden_layers * (tokens * perToken + scores) + logits + head);
};

export type { GraphCost, SizedValue };
