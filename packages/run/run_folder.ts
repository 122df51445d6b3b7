/** The folder of a run: where everything about it lies. */
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect";
import { writeJson } from "./files.ts";
import type { ResolvedConfig } from "./resolve_config.ts";
import type { FoundPlugin } from "./resolve_plugin.ts";
import type { RunConfig } from "./run_config.ts";
import type { HostFacts } from "./run_host.ts";

/** A folder that no run can be written to, or read from. */
export class RunFolderError extends Schema.TaggedError<RunFolderError>()("RunFolderError", {
  message: Schema.String,
  folder: Schema.String,
}) {}

/** Six digits, so that names sort as numbers do. */
export const stepName = (update: number): string => String(update).padStart(6, "0");

/** Names of what is kept of the best evaluation, in a folder of its own. */
export const bestFiles = (best: string) => ({
  best,
  bestPoint: `${best}/best.json`,
  bestModel: `${best}/model`,
  bestPlaybook: `${best}/snapshot.json`,
});

/** Names of what a checkpoint holds, in a folder of its own. */
export const checkpointFiles = (checkpoint: string) => ({
  checkpoint,
  policy: `${checkpoint}/policy`,
  playbook: `${checkpoint}/playbook.json`,
  state: `${checkpoint}/state.json`,
});

/** Names of the files of a run, from its folder. */
export const runFiles = (folder: string) => ({
  folder,
  config: `${folder}/config.resolved.json`,
  prompts: `${folder}/prompts.md`,
  run: `${folder}/run.json`,
  metrics: `${folder}/metrics.jsonl`,
  log: `${folder}/run.log`,
  summary: `${folder}/summary.json`,
  rollouts: `${folder}/rollouts`,
  playbook: `${folder}/playbook`,
  operations: `${folder}/playbook/ops.jsonl`,
  playbookSnapshot: `${folder}/playbook/snapshot.json`,
  evaluations: `${folder}/eval`,
  probes: `${folder}/probes`,
  model: `${folder}/model`,
  checkpoints: `${folder}/checkpoints`,
  ...bestFiles(`${folder}/best`),
});

/** The names of a run's files. */
export type RunFiles = ReturnType<typeof runFiles>;

const freeName = Effect.fnUntraced(function* (
  wanted: string,
): Effect.fn.Return<string, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!(yield* fs.exists(name))) return name;
  }
});

/** Where a run will lie: the folder that its configuration names, or the first free one of its name and seed. */
export const runFolderOf = Effect.fnUntraced(function* (
  config: RunConfig,
): Effect.fn.Return<string, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path;
  const name = config.name.replaceAll(/[^\p{L}\p{N}._-]+/gu, "-");
  return config.runDir ?? (yield* freeName(path.join("runs", `${name}-seed-${config.seed}`)));
});

/**
 * Makes the folder of a run: the one that the configuration names, which has to be empty or absent, or the first free one
 * of runs/<name>-seed-<seed>, -2, -3 …
 */
export const makeRunFolder = Effect.fn("makeRunFolder")(function* (
  config: RunConfig,
): Effect.fn.Return<
  RunFiles,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
> {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* runFolderOf(config);
  if (yield* fs.exists(folder)) {
    const found = yield* fs.readDirectory(folder);
    if (found.length > 0) {
      return yield* new RunFolderError({
        folder,
        message: `Expected a new or empty folder for the run, got one with ${found.length} files, at ${folder}; choose another --run-dir, or delete it`,
      });
    }
  }
  const files = runFiles(folder);
  // Node.js reports a read-only disk as a missing path when it makes parents too; asked for the folder alone, it tells.
  yield* fs
    .makeDirectory(folder, { recursive: true })
    .pipe(Effect.catch(() => fs.makeDirectory(folder)));
  for (const made of [files.rollouts, files.playbook, files.evaluations]) {
    yield* fs.makeDirectory(made, { recursive: true });
  }
  return files;
});

/** Writes what is known before the first event: the configuration with its sources, and what it runs on. */
export const writePreface = Effect.fn("writePreface")(function* (
  files: RunFiles,
  resolved: ResolvedConfig,
  facts: HostFacts,
  parts: {
    readonly plugins: ReadonlyArray<FoundPlugin>;
    /** Slots that layers in code fill. */
    readonly layers: ReadonlyArray<string>;
    /** Of the prompts, whose text lies in prompts.md. */
    readonly wording?: { readonly id: string; readonly hash: string };
  },
  /** Hash of the weights that training starts from, once they are loaded. */
  weights?: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  yield* writeJson(files.config, resolved);
  yield* writeJson(files.run, {
    ...facts,
    seed: resolved.config.seed,
    ...(weights === undefined ? {} : { weights }),
    ...(parts.wording && { prompts: { id: parts.wording.id, hash: parts.wording.hash } }),
    layers: parts.layers,
    plugins: parts.plugins.map(({ manifest, package: name, version, drivers }) => ({
      seam: manifest.seam,
      id: manifest.id,
      package: name,
      version,
      drivers,
    })),
  });
});

/** Notes in run.json that the run went on after so many updates: when, by which command, on what. */
export const addResumption = Effect.fn("addResumption")(function* (
  files: RunFiles,
  facts: HostFacts,
  update: number,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const run = JSON.parse(yield* fs.readFileString(files.run)) as {
    readonly resumed?: ReadonlyArray<unknown>;
  };
  yield* writeJson(files.run, { ...run, resumed: [...(run.resumed ?? []), { update, ...facts }] });
});
