/** What a run will take, before any weights are read. */
import {
  type ComputeShape,
  distillOf,
  type Objective,
  PolicyError,
  type TrainSample,
} from "@resd/core";
import { type DecoderConfig, parameterCount, parameterSpecs } from "@resd/models";
import { bytesOf, type SizedValue } from "@resd/tensor";
import { Effect, type FileSystem, type Scope } from "effect";
import { capacityBucket } from "../buckets.ts";
import { cacheBytes } from "../decode_programs.ts";
import { CACHE_BUDGET } from "../generate.ts";
import { bakesWeights, generationRows } from "../generation_plan.ts";
import { logitRows } from "../language_rows.ts";
import { type LocalPolicyOptions, MAX_ROWS, MICRO_BATCH_TOKENS } from "../local_policy.ts";
import { openModel } from "../model_source.ts";
import type { OptimizerOptions } from "../optim/optimizer.ts";
import { layOutBatch, type UpdateLimits } from "../update_batch.ts";
import { fitLimits, PROCESS_BYTES } from "./fit_limits.ts";
import { type MemoryParts, memoryParts } from "./memory_parts.ts";
import { updateCost } from "./update_cost.ts";

/** The shape of a run. */
export interface RunShape {
  readonly config: DecoderConfig;
  readonly objective: Objective;
  readonly optimizer: OptimizerOptions;
  /** Samples of a batch. */
  readonly samples: number;
  /** Tokens of a student's prompt, of a teacher's, and of an answer. */
  readonly prompt: number;
  readonly teacherPrompt: number;
  readonly answer: number;
  /** Bytes that the process may take. */
  readonly budget: number;
  /** The largest array that the device holds. */
  readonly limits: Pick<ComputeShape["info"], "maxBinding" | "maxBuffer">;
}

export interface RunPlan {
  readonly parameters: number;
  /** Bytes by part; `activations` and `cache` are needed at different times. */
  readonly memory: MemoryParts & {
    readonly process: number;
    readonly activations: number;
    /** Keys and values of the rows that are generated together. */
    readonly cache: number;
    /** Weights that generation keeps packed besides. */
    readonly packed: number;
    /** The most at any time. */
    readonly peak: number;
    readonly budget: number;
  };
  /** How an update is cut. */
  readonly update: {
    readonly microBatches: number;
    readonly microBatchTokens: number;
    readonly logitRows: number;
    readonly checkpoint: boolean;
    /** Multiplications and additions. */
    readonly operations: number;
  };
  /** Of one batch of rollouts. */
  readonly generation: {
    readonly rowsTogether: number;
    readonly operations: number;
    /** Bytes of weights read, a step at a time. */
    readonly weightBytesRead: number;
  };
  readonly largest: SizedValue;
}

/** Samples of which nothing is known but their lengths. */
const samplesOf = ({ config, objective, samples, ...lengths }: RunShape) => {
  const most = config.max_position_embeddings;
  const answer = Math.min(lengths.answer, most - 1);
  const sequence = (prompt: number) => {
    const from = Math.max(1, Math.min(prompt, most - answer));
    return { ids: new Int32Array(from + answer), from };
  };
  const mask = new Uint8Array(answer).fill(1);
  const plan = { objective, mask, coefficients: new Float64Array(answer) };
  const sample: TrainSample = {
    id: "planned",
    student: sequence(lengths.prompt),
    ...(distillOf(objective) === undefined ? {} : { teacher: sequence(lengths.teacherPrompt) }),
    mask,
    weight: 1,
    behaviour: new Float32Array(answer),
    signal: "reflection",
  };
  return {
    batch: Array.from({ length: samples }, () => sample),
    plans: Array.from({ length: samples }, () => plan),
    length: sample.student.ids.length,
  };
};

/** Of generation: rows that run together as the engine groups them, and their caches. */
const generationOf = ({ config, samples, answer }: RunShape, length: number) => {
  const rowBytes = cacheBytes(config, capacityBucket(length));
  const fitting = Math.max(1, Math.floor(CACHE_BUDGET / rowBytes));
  const rowsTogether = Math.min(generationRows(Math.min(samples, MAX_ROWS)), fitting);
  const parameters = parameterCount(config);
  const matrices = parameters - config.vocab_size * config.hidden_size;
  const groups = Math.ceil(samples / rowsTogether);
  return {
    rowsTogether,
    cache: rowsTogether * rowBytes,
    packed: bakesWeights(parameters, answer) ? 8 * parameters : 0,
    operations: 2 * samples * (length * matrices + answer * config.vocab_size * config.hidden_size),
    weightBytesRead: 4 * parameters * groups * answer,
  };
};

/** The largest array of a run, by name. */
const largestOf = (config: DecoderConfig, others: ReadonlyArray<SizedValue>): SizedValue => {
  const weights = parameterSpecs(config).map(({ name, shape }) => ({
    name,
    shape,
    bytes: bytesOf({ shape, dtype: "f32" }),
  }));
  return [...weights, ...others].reduce((a, b) => (b.bytes > a.bytes ? b : a));
};

/** Refuses a run with an array that the device cannot hold: backends work on large arrays some rows at a time. */
const demandRoom = (
  { name, shape, bytes }: SizedValue,
  { maxBinding, maxBuffer }: RunShape["limits"],
): Effect.Effect<void, PolicyError> => {
  const mebibytes = (size: number): string => `${(size / 2 ** 20).toFixed(0)} MiB`;
  const row = bytes / (shape[0] ?? 1);
  const [most, what] = row > maxBinding ? [maxBinding, "rows of arrays"] : [maxBuffer, "arrays"];
  return bytes <= maxBuffer && row <= maxBinding
    ? Effect.void
    : Effect.fail(
        new PolicyError({
          reason: "unsupported",
          message: `Expected ${what} of at most ${mebibytes(most)}, the largest that this device holds, got ${name} [${shape.join(", ")}] of ${mebibytes(bytes)}; take a smaller model, or another backend: --compute onnx`,
        }),
      );
};

/**
 * Plans a run of full-length samples: the worst that can come. Refuses what does not fit, into the budget or into the
 * largest array of the device.
 */
export const planRun = Effect.fnUntraced(function* (
  run: RunShape,
): Effect.fn.Return<RunPlan, PolicyError> {
  const { config, objective, optimizer, budget } = run;
  const { batch, plans, length } = samplesOf(run);
  const limits: UpdateLimits = {
    tokens: MICRO_BATCH_TOKENS,
    rows: logitRows(config, 2),
    horizon: run.answer,
  };
  const layOut = (cut: UpdateLimits) => layOutBatch(batch, plans, config, cut);
  const fit = yield* Effect.fromResult(
    fitLimits({ config, objective, optimizer, limits, budget, exact: true }, layOut),
  );
  const costs = fit.microBatches.map(({ shape }) => updateCost(config, objective, shape));
  const largest = largestOf(
    config,
    costs.map((cost) => cost.largest),
  );
  yield* demandRoom(largest, run.limits);
  const parts = memoryParts(config, optimizer, objective);
  const { cache, packed, ...generation } = generationOf(run, length);
  const resting = PROCESS_BYTES + parts.weights + parts.optimizer + parts.teacher;
  const peak = resting + Math.max(parts.gradients + fit.activations, cache + packed);
  return {
    parameters: parameterCount(config),
    memory: {
      ...parts,
      process: PROCESS_BYTES,
      activations: fit.activations,
      cache,
      packed,
      peak,
      budget,
    },
    update: {
      microBatches: fit.microBatches.length,
      microBatchTokens: fit.limits.tokens,
      logitRows: Math.min(...fit.microBatches.map(({ shape }) => shape.chunk)),
      checkpoint: fit.limits.checkpoint === true,
      operations: costs.reduce((sum, cost) => sum + cost.operations, 0),
    },
    generation,
    largest,
  };
});

/** `planRun` of the model in a folder, whose weights are not read: only their names, types and shapes. */
export const planPolicy = Effect.fnUntraced(function* (
  options: LocalPolicyOptions,
  run: Omit<RunShape, "config" | "optimizer">,
): Effect.fn.Return<RunPlan, PolicyError, FileSystem.FileSystem | Scope.Scope> {
  const { folder, adapter, lora, seed = 0, optimizer = { _tag: "AdamW" } } = options;
  const { config } = yield* openModel({ folder, adapter, lora, seed });
  return yield* planRun({ ...run, config, optimizer });
}, Effect.scoped);
