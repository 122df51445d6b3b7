/** The playbooks of a run as they were after an update. */
import { type PlaybookState, emptyState, readPlaybooks } from "@resd/resd";
import { Effect, FileSystem } from "effect";
import { type RunFiles, stepName } from "./run_folder.ts";

/** The number of the last step at or before `at` that has a file. */
const stepBefore = (names: ReadonlyArray<string>, at: number): number | undefined =>
  names
    .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((step) => step <= at)
    .toSorted((a, b) => b - a)[0];

/** Reads all playbooks by key, as they were after so many updates; before the first change there is an empty one for all tasks. */
export const readMoment = Effect.fn("readMoment")(function* (files: RunFiles, at: number) {
  const fs = yield* FileSystem.FileSystem;
  const step = stepBefore(yield* fs.readDirectory(files.playbook), at);
  if (step === undefined) return new Map<string, PlaybookState>([["global", emptyState]]);
  const text = yield* fs.readFileString(`${files.playbook}/${stepName(step)}.json`);
  return yield* readPlaybooks(text);
});
