/** Memory of a policy that is trained, by what it is for. All of it is f32. */
import { distillOf, type Objective } from "@resd/core";
import { type DecoderConfig, parameterSpecs, trainableSpecs } from "@resd/models";
import { bytesOf } from "@resd/tensor";
import type { OptimizerOptions } from "../optim/optimizer.ts";

/** Bytes that stay through a run, and bytes that an update takes beside its activations. */
export interface MemoryParts {
  /** All parameters, with the matrices of an adapter. */
  readonly weights: number;
  /** Moments of what is trained. */
  readonly optimizer: number;
  /** What the teacher has of its own: with an adapter another adapter. */
  readonly teacher: number;
  /** Of the batch so far and of a micro-batch; the same room holds the weights of before the step afterwards. */
  readonly gradients: number;
}

const bytesOfAll = (specs: ReadonlyArray<{ readonly shape: ReadonlyArray<number> }>): number =>
  specs.reduce((sum, { shape }) => sum + bytesOf({ shape, dtype: "f32" }), 0);

/** Bytes of what is trained. */
export const trainedBytes = (config: DecoderConfig): number => bytesOfAll(trainableSpecs(config));

/** AdamW keeps two moments of every number, Muon one of those in its matrices. */
const optimizerBytes = (config: DecoderConfig, { _tag }: OptimizerOptions): number => {
  const trained = trainableSpecs(config);
  const matrices = _tag === "Muon" ? trained.filter(({ matrix }) => matrix) : [];
  return 2 * bytesOfAll(trained) - bytesOfAll(matrices);
};

export const memoryParts = (
  config: DecoderConfig,
  optimizer: OptimizerOptions,
  objective: Objective,
): MemoryParts => {
  const rule = distillOf(objective)?.teacher._tag;
  const trained = trainedBytes(config);
  return {
    weights: bytesOfAll(parameterSpecs(config)) + (config.lora === undefined ? 0 : trained),
    optimizer: optimizerBytes(config, optimizer),
    teacher: rule === undefined || rule === "live" ? 0 : trained,
    gradients: 2 * trained,
  };
};
