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
  const files = runFiles(folder);
  const refuse = (message: string) => new RunFolderError({ folder, message });
  const decode = Effect.fnUntraced(function* <S extends Schema.Codec<unknown, unknown>>(
    path: string,
    schema: S,
    ...advice: ReadonlyArray<string>
  ) {
    if (!(yield* Effect.orElseSucceed(fs.exists(path), () => false))) {
      return yield* refuse(`Expected ${path}, got no such file; ${advice.join("")}`);
    }
    const text = yield* fs.readFileString(path);
    return yield* Schema.decodeEffect(Schema.fromJsonString(schema), { errors: "all" })(text).pipe(
      Effect.mapError((error) =>
        refuse(
          `Expected what this version writes, got something else, at ${path}: ${error.message}; evaluate the run with the version that made it (run.json)`,
        ),
      ),
    );
  });
  const { config } = yield* decode(
    files.config,
    Schema.Struct({ config: RunConfig }),
    "give the folder of a run, such as runs/kestrel-seed-1",
  );
  const written = yield* decode(
    files.summary,
    RunSummary,
    "the run did not come to an end: go on with it (--resume), if it has a checkpoint, or give another",
  );
  const summary = { ...written, name: runName(written), variant: config.variant };
  const { weights } = yield* decode(
    files.run,
    Schema.Struct({ weights: Schema.optionalKey(Schema.String) }),
    "give the folder of a run, such as runs/kestrel-seed-1",
  );
  const [model, playbook] =
    which === "best"
      ? [files.bestModel, files.bestPlaybook]
      : [files.model, files.playbookSnapshot];
  if (!(yield* fs.exists(model))) {
    return yield* refuse(
      which === "best"
        ? `Expected the best policy in ${model}, got no such folder; only runs with evaluation.keepBest keep it`
        : `Expected the trained model in ${model}, got no such folder; the run ${summary.outcome} before there was one`,
    );
  }
  const snapshot = yield* fs.readFile(playbook);
  const playbooks = yield* Effect.mapError(decodeSnapshot(snapshot), (error) =>
    refuse(`${error.message}, at ${playbook}`),
  );
  // The wording that the run has kept; the file that it came from may be another by now.
  const prompts = config.prompts === undefined ? {} : { prompts: files.prompts };
  return {
    files,
    config: { ...config, ...prompts },
    summary,
    model,
    ...(weights === undefined ? {} : { weights }),
    playbooks,
  };
});

/** What the playbook of a run holds for a task. */
export const entriesFor =
  ({ config, playbooks }: Pick<RecordedRun, "config" | "playbooks">) =>
  (taskKey: string): ReadonlyArray<Entry> => {
    const key = playbookKey(config.resd.playbook, taskKey);
    return key === undefined ? [] : (playbooks.get(key)?.entries ?? []);
  };
