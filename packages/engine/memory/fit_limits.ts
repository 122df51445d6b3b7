/** Chooses how an update is cut, so that it stays within the memory that a run may take. */
import { type Objective, PolicyError } from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Result } from "effect";
import type { OptimizerOptions } from "../optim/optimizer.ts";
import type { MicroBatch, UpdateLimits } from "../update_batch.ts";
import { memoryParts, trainedBytes } from "./memory_parts.ts";
import { roughWorkingBytes, updateCost } from "./update_cost.ts";

/** The process itself: engine, tokenizer, programs, and buffers that a backend keeps to use them again. */
export const PROCESS_BYTES = 512 * 2 ** 20;

/** Fewer padded tokens than this make products slow, and save little. */
const LEAST_TOKENS = 512;

/** The limits themselves, then leaner ones: smaller micro-batches, then blocks computed twice, then fewer logits at once. */
const candidatesOf = (limits: UpdateLimits): ReadonlyArray<UpdateLimits> => {
  const smaller: Array<number> = [limits.tokens];
  for (let tokens = limits.tokens / 2; tokens >= LEAST_TOKENS; tokens /= 2) smaller.push(tokens);
  const cut = (more: Partial<UpdateLimits>) =>
    smaller.map((tokens) => ({ ...limits, tokens: Math.floor(tokens), ...more }));
  const rows = Math.max(1, Math.floor(limits.rows / 4));
  return [
    ...(limits.checkpoint === true ? [] : cut({})),
    ...cut({ checkpoint: true }),
    { ...limits, tokens: 1, checkpoint: true, rows },
  ];
};

/** How an update is taken, and what that needs. */
export interface Fit {
  readonly limits: UpdateLimits;
  readonly microBatches: ReadonlyArray<MicroBatch>;
  /** Bytes of activations, or of buffers of gradients that are kept to be used again, whichever is more. */
  readonly activations: number;
}

export interface FitOptions {
  readonly config: DecoderConfig;
  readonly optimizer: OptimizerOptions;
  readonly objective: Objective;
  readonly limits: UpdateLimits;
  /** Bytes that the whole process may take; absent: as many as it wants. */
  readonly budget?: number | undefined;
  /** Says exactly what the activations take, also where a look at the sizes tells that there is room. */
  readonly exact?: boolean;
}

/** Bytes of everything but the activations of an update. */
export const restingBytes = ({
  config,
  optimizer,
  objective,
}: Pick<FitOptions, "config" | "optimizer" | "objective">): number => {
  const {
    weights,
    optimizer: moments,
    teacher,
    gradients,
  } = memoryParts(config, optimizer, objective);
  return PROCESS_BYTES + weights + moments + teacher + gradients;
};

/** Bytes beside gradients while micro-batches run. */
export const activationBytes = (
  config: DecoderConfig,
  microBatches: ReadonlyArray<MicroBatch>,
): number =>
  Math.max(
    trainedBytes(config),
    ...microBatches.map(({ objective, shape }) => updateCost(config, objective, shape).working),
  );

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/**
 * The first cut that fits: the limits as they are, where there is memory enough. Depends on the batch's lengths and the
 * budget alone. A batch that does not fit however it is cut is refused.
 */
export const fitLimits = (
  options: FitOptions,
  layOut: (limits: UpdateLimits) => ReadonlyArray<MicroBatch>,
): Result.Result<Fit, PolicyError> => {
  const { config, budget, limits } = options;
  const whole = layOut(limits);
  const room = (budget ?? Infinity) - restingBytes(options);
  const rough = Math.max(
    trainedBytes(config),
    ...whole.map(({ shape }) => roughWorkingBytes(config, shape)),
  );
  if (rough <= room && options.exact !== true)
    return Result.succeed({ limits, microBatches: whole, activations: rough });
  let least = Infinity;
  for (const candidate of candidatesOf(limits)) {
    const microBatches = layOut(candidate);
    const activations = activationBytes(config, microBatches);
    least = Math.min(least, activations);
    if (activations <= room)
      return Result.succeed({ limits: candidate, microBatches, activations });
  }
  const needed = restingBytes(options) + least;
  return Result.fail(
    new PolicyError({
      reason: "bad-request",
      message: `Expected an update within ${gibibytes(budget ?? 0)}, got one that takes at least ${gibibytes(needed)} (${gibibytes(least)} of them activations) with every block computed twice; allow more (--memoryGiB), train an adapter (--lora.r=16), or shorten prompts and answers`,
    }),
  );
};
