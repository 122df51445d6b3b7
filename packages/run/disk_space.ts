/** Room on a disk: what a run will write at most of large files, and whether there is as much. */
import { Context, Effect, Exit } from "effect";
import { checkpointPace } from "./checkpoint_pace.ts";
import type { HostServices } from "./define_run.ts";
import { policyOptions } from "./policy_layer.ts";
import type { RunConfig } from "./run_config.ts";
import { RunFolderError } from "./run_folder.ts";

/** Free bytes of the disk that a path, existing or not, lies on; undefined where the host cannot tell. */
export const FreeSpace = Context.Reference<(path: string) => Effect.Effect<number | undefined>>(
  "@resd/run/FreeSpace",
  { defaultValue: () => () => Effect.succeed(undefined) },
);

/** Bytes of what a run writes. */
export interface DiskNeed {
  /** The model at the end. */
  readonly model: number;
  /** The best model, with a better one beside it until that is whole (evaluation.keepBest). */
  readonly best: number;
  /** One checkpoint. */
  readonly checkpoint: number;
  /** Two of them, where they are asked for: the new one beside the old one. */
  readonly checkpoints: number;
}

/** Metrics, rollouts and lessons of a usual run: a little for each attempt. */
const RECORDS_BYTES = 16 * 2 ** 20;

/** What the policy of a configuration takes on the disk; undefined where its model cannot be read, which the run will say. */
export const diskNeed = Effect.fnUntraced(function* (
  config: RunConfig,
): Effect.fn.Return<DiskNeed | undefined, never, HostServices> {
  const { planDisk } = yield* Effect.promise(() => import("@resd/engine"));
  const { every, seconds, asked } = checkpointPace(config);
  const { resd } = config;
  const planned = yield* policyOptions(config).pipe(
    Effect.flatMap((options) => planDisk(options, resd.objective)),
    Effect.exit,
  );
  if (Exit.isFailure(planned)) return undefined;
  const { weights, state } = planned.value;
  return {
    model: weights,
    best: resd.evaluation.keepBest === undefined ? 0 : 2 * weights,
    checkpoint: weights + state,
    checkpoints: asked && (every ?? seconds) !== undefined ? 2 * (weights + state) : 0,
  };
});

/** A size for people, in the largest unit that leaves a digit before the point. */
export const sizeText = (bytes: number): string => {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const size = bytes / 2 ** (10 * power);
  return `${power === 0 ? size : size.toFixed(1)} ${units[power]}`;
};

/** What a run still has to write when it takes a checkpoint that nobody has asked for. */
export const stillToWrite = ({ model, best }: DiskNeed): number => model + best + RECORDS_BYTES;

/** Refuses a run that the disk has no room for, before anything is written. */
export const demandSpace = Effect.fnUntraced(function* (
  folder: string,
  { model, best, checkpoints }: DiskNeed,
): Effect.fn.Return<void, RunFolderError> {
  const free = yield* (yield* FreeSpace)(folder);
  const needed = model + best + checkpoints + RECORDS_BYTES;
  if (free === undefined || free >= needed) return;
  const parts = [
    `${sizeText(model)} for the model`,
    ...(best === 0 ? [] : [`${sizeText(best)} for the best one`]),
    ...(checkpoints === 0 ? [] : [`${sizeText(checkpoints)} for two checkpoints`]),
    `${sizeText(RECORDS_BYTES)} for records`,
  ];
  const without = [
    ...(checkpoints === 0 ? [] : ["leave checkpoint.every and checkpoint.minutes out"]),
    ...(best === 0 ? [] : ["leave evaluation.keepBest out"]),
  ];
  return yield* new RunFolderError({
    folder,
    message: `Expected ${sizeText(needed)} on the disk (${parts.join(", ")}), got ${sizeText(free)} free, at ${folder}; ${["free some", "choose a --run-dir on another disk", ...without].join(", or ")}`,
  });
});
