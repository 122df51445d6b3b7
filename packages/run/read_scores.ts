/** The scores of a run's evaluations, task by task, as its folder has them: whatever an evaluation says follows from them. */
import type { TaskScores } from "@resd/core";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { ScoresLine } from "./event_lines.ts";
import { RunFolderError, runFiles } from "./run_folder.ts";

/** The scores of one evaluation, by whose they are. */
export interface RecordedScores {
  /** Inner updates done before it. */
  readonly update: number;
  readonly student: ReadonlyArray<TaskScores>;
  /** Empty where it was not measured. */
  readonly teacher: ReadonlyArray<TaskScores>;
  /** The student on the tasks of splits.select; empty where there are none. */
  readonly select: ReadonlyArray<TaskScores>;
}

const NAME = /^step-(\d+)\.jsonl$/;

/** Reads all evaluations of a run in order. Fails with a RunFolderError that names the line that cannot be read. */
export const readScores = Effect.fn("readScores")(function* (
  folder: string,
): Effect.fn.Return<
  ReadonlyArray<RecordedScores>,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const { evaluations } = runFiles(folder);
  const refuse = (message: string) => new RunFolderError({ folder, message });
  if (!(yield* fs.exists(evaluations))) {
    return yield* refuse(
      `Expected the folder of a run, got none with evaluations, at ${evaluations}; give a folder such as runs/kestrel-seed-1`,
    );
  }
  const names = (yield* fs.readDirectory(evaluations)).filter((name) => NAME.test(name)).toSorted();
  return yield* Effect.forEach(
    names,
    Effect.fnUntraced(function* (name) {
      const path = `${evaluations}/${name}`;
      const written = (yield* fs.readFileString(path)).split("\n").filter((line) => line !== "");
      const lines = yield* Effect.forEach(written, (text, i) =>
        Effect.mapError(
          Schema.decodeEffect(Schema.fromJsonString(ScoresLine))(text),
          ({ message }) =>
            refuse(
              `Expected the scores of a task, got something else, at ${path}:${i + 1}: ${message}; read the run with the version that made it (run.json)`,
            ),
        ),
      );
      const of = (whose: (typeof lines)[number]["of"]) =>
        lines.flatMap(({ of: owner, ...scores }) => (owner === whose ? [scores] : []));
      return {
        update: Number(NAME.exec(name)?.[1]),
        student: of("student"),
        teacher: of("teacher"),
        select: of("select"),
      };
    }),
  );
});
