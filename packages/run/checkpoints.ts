/** Checkpoints of a run: everything that it needs to go on, in one folder that is whole or not there. */
import { Playbook, type PlaybookError, Policy, PolicyError, Tracker, View } from "@resd/core";
import { TrainState } from "@resd/resd";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { CHECKPOINT_MINUTES } from "./checkpoint_pace.ts";
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

/** What is known of the checkpoints of a run, and what is to be done where one cannot be written. */
export interface CheckpointTerms {
  /** Bytes that one takes, where that is known. */
  readonly bytes?: number;
  /** Bytes that have to remain free beside it. */
  readonly spare?: number;
  /** A failure ends the run; else the run is warned, and goes on without. */
  readonly asked: boolean;
}

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
 */
export const makeCheckpoints = Effect.fnUntraced(function* (
  files: RunFiles,
  { bytes, spare = 0, asked }: CheckpointTerms,
): Effect.fn.Return<TakeCheckpoint, never, FileSystem.FileSystem | Policy | Playbook | Tracker> {
  const fs = yield* FileSystem.FileSystem;
  const policy = yield* Policy;
  const playbook = yield* Playbook;
  const tracker = yield* Tracker;
  const freeSpace = yield* FreeSpace;
  const bytesOf = (path: string) => Effect.map(fs.stat(path), ({ size }) => Number(size));

  const warn = ({ totals: { updates } }: TrainState, message: string) =>
    tracker.event({ _tag: "Warned", update: updates - 1, code: "no-checkpoint", message });

  const write = Effect.fnUntraced(function* (
    made: ReturnType<typeof checkpointFiles>,
    ...[train, told]: Parameters<TakeCheckpoint>
  ) {
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
  });

  const take = Effect.fnUntraced(function* (...[train, told]: Parameters<TakeCheckpoint>) {
    const before = yield* namesOf(files);
    const name = stepName(train.totals.updates);
    const made = checkpointFiles(`${files.checkpoints}/${name}.partial`);
    yield* Effect.tapError(write(made, train, told), () =>
      Effect.ignore(fs.remove(made.checkpoint, { recursive: true, force: true })),
    );
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
    if (bytes === undefined || free === undefined || free >= bytes + spare)
      return yield* take(train, told);
    const beside = spare === 0 ? "" : ` beside ${sizeText(spare)} that the run has still to write`;
    yield* warn(
      train,
      `Expected ${sizeText(bytes)} on the disk for a checkpoint after ${train.totals.updates} updates${beside}, got ${sizeText(free)} free, at ${files.checkpoints}; free some: the next one is tried in its turn, and the one before is still there`,
    );
  });

  return (train, told) =>
    takeOrWarn(train, told).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.catch((error) => {
        if (!asked) {
          return warn(
            train,
            `Expected to write a checkpoint after ${train.totals.updates} updates, got ${error.message}, at ${files.checkpoints}; the run goes on without, and cannot be resumed from here: --checkpoint.minutes=0 asks for none`,
          );
        }
        return error._tag === "PolicyError" || error._tag === "PlaybookError"
          ? Effect.fail(error)
          : Effect.fail(
              new PolicyError({
                reason: "io",
                message: `Expected to write a checkpoint, got ${error.message}, at ${files.checkpoints}; make room there, or leave checkpoint.every and checkpoint.minutes out`,
              }),
            );
      }),
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
      message: `Expected a checkpoint in ${files.checkpoints}, got none; a run has its first after ${CHECKPOINT_MINUTES} minutes, or as --checkpoint.every=<updates> or --checkpoint.minutes=<minutes> say`,
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
