/** Bytes that a policy takes on a disk, before anything of it is written. */
import type { Objective, PolicyError } from "@resd/core";
import { type DecoderConfig, parameterSpecs } from "@resd/models";
import { sizeOf } from "@resd/tensor";
import { Effect, type FileSystem, type Scope } from "effect";
import { storesLess } from "./checkpoint.ts";
import type { LocalPolicyOptions } from "./local_policy.ts";
import { memoryParts, trainedBytes } from "./memory/memory_parts.ts";
import { openModel } from "./model_source.ts";
import type { OptimizerOptions } from "./optim/optimizer.ts";

/** What `save` writes, in bytes. Headers and tokenizers are not counted. */
export interface DiskParts {
  /** Of `weights`: the model as its config stores it, or the adapter. */
  readonly weights: number;
  /** Beside the weights, of `all`: optimizer, teacher, and the student in f32 where the model is stored in fewer bits. */
  readonly state: number;
}

const BYTES = { float32: 4, float16: 2, bfloat16: 2 } as const;

export const diskParts = (
  config: DecoderConfig,
  optimizer: OptimizerOptions,
  objective: Objective,
): DiskParts => {
  const trained = trainedBytes(config);
  const memory = memoryParts(config, optimizer, objective);
  const numbers = parameterSpecs(config).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return {
    weights: config.lora === undefined ? numbers * BYTES[config.torch_dtype] : trained,
    state: memory.optimizer + memory.teacher + (storesLess(config) ? trained : 0),
  };
};

/** `diskParts` of the model in a folder, whose weights are not read. */
export const planDisk = Effect.fnUntraced(function* (
  { folder, adapter, lora, seed = 0, optimizer = { _tag: "AdamW" } }: LocalPolicyOptions,
  objective: Objective,
): Effect.fn.Return<DiskParts, PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const { config } = yield* openModel({ folder, adapter, lora, seed });
  return diskParts(config, optimizer, objective);
}, Effect.scoped);
