/** Room that a run keeps on the disk, so that it can say what happened where the disk is full in the end. */
import { Effect, FileSystem, type PlatformError } from "effect";
import type { RunFiles } from "./run_folder.ts";

/** Enough for a summary with a long playbook, and for the one that it replaces. */
const BYTES = 2 ** 18;

const reserveOf = ({ summary }: RunFiles): string => `${summary}.reserve`;

/** Takes the room. */
export const takeReserve = Effect.fnUntraced(function* (
  files: RunFiles,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.writeFile(reserveOf(files), new Uint8Array(BYTES));
});

/** Gives it back, for what is written last. */
export const giveReserveBack = Effect.fnUntraced(function* (
  files: RunFiles,
): Effect.fn.Return<void, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  yield* Effect.ignore(fs.remove(reserveOf(files), { force: true }));
});
