/** Weights that a run has kept, with the playbooks beside them. */
import { Policy, type PolicyError } from "@resd/core";
import { type PlaybookState, type PlaybookTextError, decodeSnapshot } from "@resd/resd";
import { Effect, type FileSystem, type PlatformError } from "effect";
import { readCheckpoint } from "./checkpoints.ts";
import type { Values } from "./config_values.ts";
import { readMoment } from "./read_moment.ts";
import { type RecordedRun, readBeginning, readRun } from "./read_run.ts";
import { RunFolderError } from "./run_folder.ts";

/** Those of the end, those of the best evaluation, those that training began with, or those of the newest checkpoint. */
export const WEIGHTS = ["trained", "best", "initial", "checkpoint"] as const;
export type WeightsChoice = (typeof WEIGHTS)[number];

/** Weights to load, and what lies beside them. */
export interface ChosenWeights extends Pick<RecordedRun, "files" | "config"> {
  readonly which: WeightsChoice;
  /** Laid over the configuration of the run, so that its policy is made of them. */
  readonly values: Values;
  /** Folder to load into that policy, where it is a checkpoint. */
  readonly load?: string;
  /** By key; beside those of the beginning lie the newest ones. */
  readonly playbooks: ReadonlyMap<string, PlaybookState>;
}

/** Finds weights in the folder of a run. Only those of the end and the best ones need a run that has come to an end. */
export const chooseWeights = Effect.fn("chooseWeights")(function* (
  folder: string,
  which: WeightsChoice,
): Effect.fn.Return<
  ChosenWeights,
  RunFolderError | PlaybookTextError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  if (which === "trained" || which === "best") {
    const { files, config, model, playbooks } = yield* readRun(
      folder,
      which === "best" ? "best" : "end",
    );
    return { which, files, config, playbooks, values: { model, loraAdapter: null } };
  }
  const { files, config } = yield* readBeginning(folder);
  if (which === "initial") {
    return { which, files, config, values: {}, playbooks: yield* readMoment(files, Infinity) };
  }
  const { policy, playbook } = yield* readCheckpoint(files);
  const playbooks = yield* Effect.mapError(
    decodeSnapshot(playbook),
    ({ message }) => new RunFolderError({ folder, message: `${message}, at ${policy}` }),
  );
  return { which, files, config, values: {}, load: policy, playbooks };
});

/** Puts the weights of a checkpoint into the policy in the context; others are in it from the start. */
export const loadChosen = Effect.fnUntraced(function* ({
  load,
}: Pick<ChosenWeights, "load">): Effect.fn.Return<void, PolicyError, Policy> {
  if (load !== undefined) yield* (yield* Policy).load(load);
});
