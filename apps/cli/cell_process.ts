/** Runs cells in processes of their own, one process a cell and one process at a time for each folder. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import {
  type Cell,
  type CellOutcome,
  type CellRunner,
  cellFolder,
  clearCell,
  finishedCell,
  markFinished,
  readCell,
} from "@resd/compare";
import { Effect, type FileSystem, type Path, Schedule } from "effect";
import type { CellJob, CellMessage, CellProgress } from "./cell_messages.ts";

/** What a process starts with: it lies beside this file, as source or compiled. */
const ENTRY = join(import.meta.dirname, `compare_cell${extname(import.meta.filename)}`);

/** Milliseconds that a process has to end in good order. */
const PATIENCE = 10_000;

/** As much of what a process wrote before it died as helps to see why. */
const LAST_WORDS = 2000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Takes the lock, or the one that a process left which is gone; false while another process holds it. */
const takeLock = (file: string): boolean => {
  for (let tries = 0; tries < 2; tries++) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(readFileSync(file, "utf8"));
    if (Number.isInteger(holder) && holder > 0 && isAlive(holder)) return false;
    rmSync(file, { force: true });
  }
  return false;
};

/** Waits until no other comparison runs the cell of this folder. */
const locked = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => takeLock(`${folder}.lock`)).pipe(
      Effect.repeat({ until: (taken) => taken, schedule: Schedule.spaced("1 second") }),
    ),
    () => Effect.sync(() => rmSync(`${folder}.lock`, { force: true })),
    { interruptible: true },
  );

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

/** Asks a process to end, and makes it end when it does not. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    child.kill("SIGTERM");
    const last = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await ended(child);
    clearTimeout(last);
  });

/** What is said of a process that ended without a word. */
const silentEnd = (
  code: number | null,
  signal: NodeJS.Signals | null,
  { folder }: CellJob,
  lastWords: string,
): string => {
  const words = lastWords === "" ? "" : `: ${lastWords.trim()}`;
  const advice =
    signal === "SIGKILL"
      ? "start the comparison again, which runs it anew; if memory ran out, with fewer --jobs"
      : "start the comparison again, which runs it anew";
  return `Expected the process to end with the run, got ${signal ?? `exit code ${code}`}, at ${folder}${words}; ${advice}`;
};

/** Runs a job to its end; the message of its failure, or undefined when it ended well. */
const runJob = (
  job: CellJob,
  progress: (progress: CellProgress) => void,
): Effect.Effect<string | undefined> =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          fork(ENTRY, [], {
            stdio: ["ignore", "ignore", "pipe", "ipc"],
            // Ctrl-C is for the comparison; it ends its cells itself.
            detached: true,
          }),
        ),
        stop,
      );
      let lastWords = "";
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        lastWords = `${lastWords}${text}`.slice(-LAST_WORDS);
      });
      return yield* Effect.callback<string | undefined>((resume) => {
        let reason: string | undefined;
        child.on("message", (sent) => {
          const message = sent as CellMessage;
          if (message._tag === "Progress") progress(message);
          else reason = message.message;
        });
        child.on("error", (error) => resume(Effect.succeed(error.message)));
        child.on("close", (code, signal) =>
          resume(
            Effect.succeed(
              code === 0 ? undefined : (reason ?? silentEnd(code, signal, job, lastWords)),
            ),
          ),
        );
        child.send(job);
      });
    }),
  );

/**
 * A runner whose cells lie in `root`.
 *
 * @param progress hears how far each running cell is.
 */
export const processRunner = (
  root: string,
  services: <A, E>(
    effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>,
  ) => Effect.Effect<A, E>,
  progress: (cell: Cell, progress: CellProgress) => void,
): CellRunner => {
  const failed = (cell: Cell, folder: string, message: string): CellOutcome => ({
    _tag: "Failed",
    failure: {
      variant: cell.variant,
      seed: cell.seed,
      role: cell.role,
      key: cell.key,
      folder,
      message,
    },
  });
  const runIn = Effect.fnUntraced(function* (cell: Cell, folder: string) {
    yield* locked(folder);
    // Another comparison may have run it while this one waited.
    const found = yield* finishedCell(cell, folder);
    if (found !== undefined) return { _tag: "Finished", result: found } satisfies CellOutcome;
    yield* clearCell(folder);
    const { parts, file } = cell;
    const job = { parts, folder, ...(file === undefined ? {} : { file }) };
    const message = yield* runJob(job, (how) => progress(cell, how));
    if (message !== undefined) return failed(cell, folder, message);
    yield* markFinished(cell, folder);
    const result = yield* readCell(cell, folder);
    return { _tag: "Finished", result } satisfies CellOutcome;
  }, Effect.scoped);
  return {
    find: (cell) =>
      services(
        Effect.gen(function* () {
          return yield* finishedCell(cell, yield* cellFolder(root, cell));
        }).pipe(Effect.orElseSucceed(() => undefined)),
      ),
    run: (cell) =>
      services(
        Effect.gen(function* () {
          mkdirSync(root, { recursive: true });
          const folder = yield* cellFolder(root, cell);
          return yield* runIn(cell, folder).pipe(
            Effect.catch((error) => Effect.succeed(failed(cell, folder, error.message))),
          );
        }).pipe(Effect.catch((error) => Effect.succeed(failed(cell, root, error.message)))),
      ),
  };
};
