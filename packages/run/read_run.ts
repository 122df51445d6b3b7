/** Runs that are over, read back from their folders. */
import type { Entry } from "@resd/core";
import { type PlaybookState, decodeSnapshot, playbookKey } from "@resd/resd";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { RunConfig } from "./run_config.ts";
import { type RunFiles, RunFolderError, runFiles } from "./run_folder.ts";
import { RunSummary, runName } from "./run_summary.ts";

/** A run as its folder tells it. */
export interface RecordedRun {
  readonly files: RunFiles;
  readonly config: RunConfig;
  readonly summary: RunSummary;
  /** The folder of the weights that were asked for: those of the end, or the best ones. */
  readonly model: string;
  /** Hash of the weights that training started from; absent when the model was never loaded. */
  readonly weights?: string;
  /** Playbooks beside those weights, by key. */
  readonly playbooks: ReadonlyMap<string, PlaybookState>;
}

const refuse = (folder: string, message: string) => new RunFolderError({ folder, message });

/** Reads a file of a run. @param advice what to do where there is none. */
const decodeFile = Effect.fnUntraced(function* <S extends Schema.Codec<unknown, unknown>>(
  folder: string,
  path: string,
  schema: S,
  advice: string,
) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) {
    return yield* refuse(folder, `Expected ${path}, got no such file; ${advice}`);
  }
  const text = yield* fs.readFileString(path);
  return yield* Schema.decodeEffect(Schema.fromJsonString(schema), { errors: "all" })(text).pipe(
    Effect.mapError((error) =>
      refuse(
        folder,
        `Expected what this version writes, got something else, at ${path}: ${error.message}; evaluate the run with the version that made it (run.json)`,
      ),
    ),
  );
});

const SUCH_AS = "give the folder of a run, such as runs/kestrel-seed-1";

/** What a run was started with, whether it has ended or not. Fails with a RunFolderError as `readRun` does. */
export const readBeginning = Effect.fn("readBeginning")(function* (
  folder: string,
): Effect.fn.Return<
  Pick<RecordedRun, "files" | "config" | "weights">,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const files = runFiles(folder);
  const Resolved = Schema.Struct({ config: RunConfig });
  const { config } = yield* decodeFile(folder, files.config, Resolved, SUCH_AS);
  const Known = Schema.Struct({ weights: Schema.optionalKey(Schema.String) });
  const { weights } = yield* decodeFile(folder, files.run, Known, SUCH_AS);
  // The wording that the run has kept; the file that it came from may be another by now.
  const prompts = config.prompts === undefined ? {} : { prompts: files.prompts };
  return {
    files,
    config: { ...config, ...prompts },
    ...(weights === undefined ? {} : { weights }),
  };
});

/**
 * Reads the folder of a run that has a trained model in it.
 *
 * @param which the policy and the playbooks of the end, or those of the best evaluation (evaluation.keepBest).
 *
 * Fails with a RunFolderError that says which file is missing or what in it is wrong.
 */
export const readRun = Effect.fn("readRun")(function* (
  folder: string,
  which: "end" | "best" = "end",
): Effect.fn.Return<
  RecordedRun,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const beginning = yield* readBeginning(folder);
  const { files, config } = beginning;
  const written = yield* decodeFile(
    folder,
    files.summary,
    RunSummary,
    "the run did not come to an end: go on with it (--resume), if it has a checkpoint, or give another",
  );
  const summary = { ...written, name: runName(written), variant: config.variant };
  const [model, playbook] =
    which === "best"
      ? [files.bestModel, files.bestPlaybook]
      : [files.model, files.playbookSnapshot];
  if (!(yield* fs.exists(model))) {
    return yield* refuse(
      folder,
      which === "best"
        ? `Expected the best policy in ${model}, got no such folder; only runs with evaluation.keepBest keep it`
        : `Expected the trained model in ${model}, got no such folder; the run ${summary.outcome} before there was one`,
    );
  }
  const snapshot = yield* fs.readFile(playbook);
  const playbooks = yield* Effect.mapError(decodeSnapshot(snapshot), (error) =>
    refuse(folder, `${error.message}, at ${playbook}`),
  );
  return { ...beginning, summary, model, playbooks };
});

/** What the playbook of a run holds for a task. */
export const entriesFor =
  ({ config, playbooks }: Pick<RecordedRun, "config" | "playbooks">) =>
  (taskKey: string): ReadonlyArray<Entry> => {
    const key = playbookKey(config.resd.playbook, taskKey);
    return key === undefined ? [] : (playbooks.get(key)?.entries ?? []);
  };
