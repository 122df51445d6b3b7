/** The order of tasks: file order, whole batches only, pass after pass. */
import {
  Environment,
  type EnvironmentError,
  type Format,
  type Policy,
  type PolicyError,
  type TaskRow,
  type TaskSource,
  hashSeed,
} from "@resd/core";
import { Duration, Effect, Result } from "effect";
import type { ResdConfig } from "./config.ts";
import { ResdError } from "./error.ts";
import { studentPrompt } from "./first_prompt.ts";

/** What a run will go through, known before the first update. */
export interface StreamPlan {
  /** Places of the usable tasks in their split, in file order. */
  readonly usable: ReadonlyArray<number>;
  /** Whole batches of one pass; the incomplete last one is dropped. */
  readonly batchesPerPass: number;
  /** Batches in all; infinite when only `updates` bounds the run. */
  readonly batches: number;
  /** Inner updates in all, at most: batches may stop early. */
  readonly updates: number;
  /** Tasks that were left out, with the reason. */
  readonly dropped: ReadonlyArray<{ readonly task: string; readonly reason: string }>;
}

/** Places of the tasks of batch `batch` (from 0), all passes counted through. */
export const batchPlaces = (
  { usable, batchesPerPass }: StreamPlan,
  batchSize: number,
  batch: number,
): ReadonlyArray<number> => {
  const start = (batch % batchesPerPass) * batchSize;
  return usable.slice(start, start + batchSize);
};

/** Most tasks that a run can touch; beyond it nothing needs to be read. */
const tasksNeeded = (config: ResdConfig, size: number | "infinite"): number => {
  if (config.singlePass || config.epochs !== undefined || config.updates === undefined) {
    return size === "infinite" ? Infinity : size;
  }
  const leastPerBatch = config.earlyStop?.minUpdates ?? config.updatesPerBatch;
  return Math.ceil(config.updates / leastPerBatch) * config.batchSize;
};

const protocolError = (message: string) => new ResdError({ reason: "protocol", message });

const endlessPass = ({ splits }: ResdConfig) =>
  protocolError(
    `Expected a finite split to make passes over, got an infinite one, at splits.train ${splits.train}; bound the run by updates instead of epochs, without singlePass`,
  );

/** Of an infinite split, tasks that are left out for their length come on top of those that a run needs. */
const SPARE = 2;

/** Finds the task of a key among those that a run trains on. Broken tasks on the way are passed over. */
export const trainingTask = Effect.fn("resd.trainingTask")(function* (
  config: ResdConfig,
  key: string,
): Effect.fn.Return<TaskRow<unknown>, ResdError | EnvironmentError, Environment> {
  const { train } = config.splits;
  const source = (yield* Environment).tasks(train);
  const { size } = source;
  const end = size === "infinite" ? SPARE * tasksNeeded(config, size) : size;
  if (end === Infinity) return yield* endlessPass(config);
  for (let place = 0; place < end; place++) {
    const got = yield* Effect.result(source.get(place));
    if (Result.isSuccess(got)) {
      if (got.success.key === key) return got.success;
    } else if (got.failure._tag !== "EnvironmentTaskError") return yield* got.failure;
  }
  return yield* protocolError(
    `Expected the task ${key}, got none of this key among ${end} tasks, at splits.train ${train}; leave out values that make other tasks, and see that the environment's files are those of the run`,
  );
});

/** Why a task cannot be trained on: its prompt has no room. Undefined when it has. */
const overlong = Effect.fnUntraced(function* (
  row: TaskRow<unknown>,
  config: ResdConfig,
  seed: number,
): Effect.fn.Return<
  string | undefined,
  EnvironmentError | PolicyError,
  Environment | Policy | Format
> {
  const environment = yield* Environment;
  const { limits } = config;
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const episode = yield* environment.open(row, {
        episodeId: `measure/${row.key}`,
        seed: hashSeed(seed, "measure", row.key),
        group: { index: 0, size: 1 },
        limits: {
          maxTurns: limits.maxTurns,
          stepTimeout: Duration.millis(limits.stepTimeoutMillis),
          maxObservationChars: limits.maxObservationChars,
        },
      });
      const first = yield* studentPrompt(episode, row, limits.promptTokens);
      return first._tag === "TooLong" ? first.message : undefined;
    }),
  );
});

/**
 * Reads the training split as far as the run needs it, leaves out tasks that are broken or, with `overlongPrompts:
 * "filter"`, too long, and counts batches and updates.
 *
 * Fails with reason `protocol` when there is not one whole batch, when a task key comes twice, or when `singlePass`
 * asserts other numbers than the tasks give.
 */
export const planStream = Effect.fn("resd.planStream")(function* (
  config: ResdConfig,
  source: TaskSource<unknown>,
  seed: number,
): Effect.fn.Return<
  StreamPlan,
  ResdError | EnvironmentError | PolicyError,
  Environment | Policy | Format
> {
  const { batchSize, updatesPerBatch } = config;
  const { size } = source;
  const needed = tasksNeeded(config, size);
  if (needed === Infinity) return yield* endlessPass(config);

  const usable: Array<number> = [];
  const dropped: Array<{ task: string; reason: string }> = [];
  const keys = new Set<string>();
  const end = size === "infinite" ? Infinity : size;
  for (let place = 0; place < end && usable.length < needed; place++) {
    const got = yield* Effect.result(source.get(place));
    if (Result.isFailure(got)) {
      if (got.failure._tag !== "EnvironmentTaskError") return yield* got.failure;
      dropped.push({ task: got.failure.taskKey, reason: got.failure.message });
      continue;
    }
    const row = got.success;
    if (keys.has(row.key)) {
      return yield* protocolError(
        `Expected distinct task keys, got ${row.key} twice, at place ${place} of splits.train ${config.splits.train}; correct the environment`,
      );
    }
    keys.add(row.key);
    const reason =
      config.limits.overlongPrompts === "filter" ? yield* overlong(row, config, seed) : undefined;
    if (reason === undefined) usable.push(place);
    else dropped.push({ task: row.key, reason });
  }

  const batchesPerPass = Math.floor(usable.length / batchSize);
  if (batchesPerPass === 0) {
    return yield* protocolError(
      `Expected at least one batch of ${batchSize} tasks, got ${usable.length} usable ones (${dropped.length} left out), at splits.train ${config.splits.train}; lower batchSize`,
    );
  }
  const onePass = batchesPerPass * updatesPerBatch;
  if (
    config.singlePass &&
    ((config.epochs ?? 1) !== 1 || (config.updates ?? onePass) !== onePass)
  ) {
    return yield* protocolError(
      `Expected one pass of ⌊${usable.length}/${batchSize}⌋·${updatesPerBatch} = ${onePass} updates (singlePass), got ${config.updates ?? "no"} updates and ${config.epochs ?? "no"} epochs, at splits.train ${config.splits.train}; set updates to ${onePass}, or singlePass to false`,
    );
  }
  const batches =
    config.epochs === undefined
      ? config.singlePass
        ? batchesPerPass
        : Infinity
      : Math.floor(config.epochs * batchesPerPass);
  if (batches === 0) {
    return yield* protocolError(
      `Expected epochs that make at least one batch, got ${config.epochs} of a pass of ${batchesPerPass} batches, at epochs; raise it to ${1 / batchesPerPass}`,
    );
  }
  return {
    usable,
    batchesPerPass,
    batches,
    updates: Math.min(config.updates ?? Infinity, batches * updatesPerBatch),
    dropped,
  };
});

/**
 * Whether a batch ends early: fewer than `threshold` of its prompts scored better than in the inner
 * update before. Scores are compared by task; the released code compares places of a reordered batch (trap T9).
 *
 * @param inner inner updates made on the batch so far. @param scores mean reward by task key, of this update and the one before.
 */
export const stopsEarly = (
  rule: ResdConfig["earlyStop"],
  inner: number,
  scores: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number> | undefined,
): boolean => {
  if (rule === undefined || before === undefined || inner < rule.minUpdates) return false;
  const compared = [...scores].filter(([key]) => before.has(key));
  const improved = compared.filter(([key, score]) => score > before.get(key)!).length;
  return compared.length > 0 && improved / compared.length < rule.threshold;
};
