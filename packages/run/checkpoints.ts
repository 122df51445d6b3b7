/** Checkpoints of a run: everything that it needs to go on, in one folder that is whole or not there. */
import { Playbook, type PlaybookError, Policy, PolicyError, Tracker, View } from "@resd/core";
import { TrainState } from "@resd/resd";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { FreeSpace, sizeText } from "./disk_space.ts";
import type { FileTracker } from "./file_tracker.ts";
import { writeWhole } from "./files.ts";
import { RunFolderError, type RunFiles, checkpointFiles, stepName } from "./run_folder.ts";

/** What stands beside the policy and the playbook. */
const CheckpointState = Schema.Struct({
  format: Schema.Literals(["resd-run-state/1"]),
  train: TrainState,
  /** Seconds that the run has taken, loading included. */
  sinceStart: Schema.Finite,
  /** The newest reading of each playbook, for the summary. */
  views: Schema.Record(Schema.String, View),
  /** Bytes of the files that only grow. */
  metricsBytes: Schema.Int,
  operationsBytes: Schema.Int,
});

const Stored = Schema.fromJsonString(Schema.toCodecJson(CheckpointState));

/** A checkpoint on disk. */
export interface Checkpoint extends Schema.Schema.Type<typeof CheckpointState> {
  /** Folder of the policy, with its training state. */
  readonly policy: string;
  /** Snapshot of the playbooks. */
  readonly playbook: Uint8Array;
}

/** Takes a checkpoint. */
export type TakeCheckpoint = (
  train: TrainState,
  told: Pick<FileTracker, "views" | "sinceStart">,
) => Effect.Effect<void, PolicyError | PlaybookError>;

const NAME = /^\d{6,}$/;

/** Complete checkpoints of a run, the newest first. */
const namesOf = Effect.fnUntraced(function* ({ checkpoints }: RunFiles) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(checkpoints))) return [];
  const names = (yield* fs.readDirectory(checkpoints)).filter((name) => NAME.test(name));
  return names.toSorted((a, b) => Number(b) - Number(a));
});

/**
 * What takes the checkpoints of a run. Each is written beside the one before and renamed when it is complete; only then the
 * one before is removed. So at every moment there is one, once there was one. Where the disk has no room for another, it is
 * left out, the run is warned, and the one before stays.
 *
 * @param bytes what a checkpoint takes, where that is known.
 */
export const makeCheckpoints = Effect.fnUntraced(function* (
  files: RunFiles,
  bytes?: number,
): Effect.fn.Return<TakeCheckpoint, never, FileSystem.FileSystem | Policy | Playbook | Tracker> {
  const fs = yield* FileSystem.FileSystem;
  const policy = yield* Policy;
  const playbook = yield* Playbook;
  const tracker = yield* Tracker;
  const freeSpace = yield* FreeSpace;
  const bytesOf = (path: string) => Effect.map(fs.stat(path), ({ size }) => Number(size));

  const take = Effect.fnUntraced(function* (...[train, told]: Parameters<TakeCheckpoint>) {
    const before = yield* namesOf(files);
    const name = stepName(train.totals.updates);
    const made = checkpointFiles(`${files.checkpoints}/${name}.partial`);
    yield* fs.remove(made.checkpoint, { recursive: true, force: true });
    yield* fs.makeDirectory(made.checkpoint, { recursive: true });
    yield* policy.save(made.policy, "all");
    yield* writeWhole(made.playbook, new TextDecoder().decode(yield* playbook.snapshot));
    const state = yield* Schema.encodeEffect(Stored)({
      format: "resd-run-state/1",
      train,
      sinceStart: yield* told.sinceStart,
      views: Object.fromEntries(told.views),
      metricsBytes: yield* bytesOf(files.metrics),
      operationsBytes: yield* bytesOf(files.operations),
    });
    yield* writeWhole(made.state, state);
    const whole = `${files.checkpoints}/${name}`;
    yield* fs.remove(whole, { recursive: true, force: true });
    yield* fs.rename(made.checkpoint, whole);
    for (const old of before) {
      if (old === name) continue;
      yield* fs.remove(`${files.checkpoints}/${old}`, { recursive: true, force: true });
    }
  });
  const takeOrWarn = Effect.fnUntraced(function* (...[train, told]: Parameters<TakeCheckpoint>) {
    const free = bytes === undefined ? undefined : yield* freeSpace(files.folder);
    if (bytes === undefined || free === undefined || free >= bytes) return yield* take(train, told);
    const { updates } = train.totals;
    yield* tracker.event({
      _tag: "Warned",
      update: updates - 1,
      code: "no-checkpoint",
      message: `Expected ${sizeText(bytes)} on the disk for a checkpoint after ${updates} updates, got ${sizeText(free)} free, at ${files.checkpoints}; free some: the next one is tried in its turn, and the one before is still there`,
    });
  });
  return (train, told) =>
    takeOrWarn(train, told).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.catch((error) =>
        error._tag === "PolicyError" || error._tag === "PlaybookError"
          ? Effect.fail(error)
          : Effect.fail(
              new PolicyError({
                reason: "io",
                message: `Expected to write a checkpoint, got ${error.message}, at ${files.checkpoints}; make room there, or leave checkpoint.every out`,
              }),
            ),
      ),
    );
});

/** Reads the newest checkpoint of a run. Fails with a RunFolderError that says what is missing, or what in it is wrong. */
export const readCheckpoint = Effect.fn("readCheckpoint")(function* (
  files: RunFiles,
): Effect.fn.Return<
  Checkpoint,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const { folder } = files;
  const [newest] = yield* namesOf(files);
  if (newest === undefined) {
    return yield* new RunFolderError({
      folder,
      message: `Expected a checkpoint in ${files.checkpoints}, got none; a run keeps them when it is started with --checkpoint.every=<updates>, and has one after as many updates`,
    });
  }
  const { checkpoint, policy, playbook, state } = checkpointFiles(`${files.checkpoints}/${newest}`);
  const decoded = yield* Schema.decodeEffect(Stored)(yield* fs.readFileString(state)).pipe(
    Effect.mapError(
      (error) =>
        new RunFolderError({
          folder,
          message: `Expected the state that this version writes, got something else, at ${state}: ${error.message}; go on with the version that made it (run.json), or remove ${checkpoint}`,
        }),
    ),
  );
  return { ...decoded, policy, playbook: yield* fs.readFile(playbook) };
});

/** Removes what was written after a checkpoint: it will be written again, and so will be a line that was cut off. */
export const rewind = Effect.fn("rewind")(function* (
  files: RunFiles,
  { train, metricsBytes, operationsBytes }: Checkpoint,
): Effect.fn.Return<void, RunFolderError | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const { updates } = train.totals;
  for (const [path, bytes] of [
    [files.metrics, metricsBytes],
    [files.operations, operationsBytes],
  ] as const) {
    const { size } = yield* fs.stat(path);
    if (size < bytes) {
      return yield* new RunFolderError({
        folder: files.folder,
        message: `Expected at least the ${bytes} bytes that the checkpoint knows of, got ${size}, at ${path}; the file was changed, so the run cannot go on`,
      });
    }
    yield* fs.truncate(path, Number(bytes));
  }
  for (const folder of [files.rollouts, files.playbook, files.evaluations, files.probes]) {
    if (!(yield* fs.exists(folder))) continue;
    for (const name of yield* fs.readDirectory(folder)) {
      const [, digits] = /^(?:step-)?(\d{6,})\.jsonl?(?:\.partial)?$/.exec(name) ?? [];
      if (digits === undefined) continue;
      if (name.endsWith(".partial") || Number(digits) > updates)
        yield* fs.remove(`${folder}/${name}`);
    }
  }
});
