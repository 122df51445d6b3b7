/** Finished runs, from the summaries in their folders. */
import { RunSummary, runFiles, runName } from "@resd/run";
import { Effect, FileSystem, Schema } from "effect";
import { PlotError } from "./plot_error.ts";
import { spreadOf } from "./spread.ts";

const readRun = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const file = runFiles(folder).summary;
  const text = yield* fs.readFileString(file).pipe(
    Effect.mapError(
      (error) =>
        new PlotError({
          message: `Expected the folder of a run, got none that can be read, at ${file}: ${error.message}`,
        }),
    ),
  );
  const run = yield* Schema.decodeEffect(Schema.fromJsonString(RunSummary))(text).pipe(
    Effect.mapError(
      (error) =>
        new PlotError({
          message: `Expected the summary of a run, got something else, at ${file}: ${error.message}`,
        }),
    ),
  );
  if (run.outcome !== "finished") {
    return yield* new PlotError({
      message: `Expected a finished run, got one that was ${run.outcome}, at ${file}; leave it out or run it again`,
    });
  }
  return run;
});

/**
 * Reads run folders that can be shown together: one name, evaluations at the same updates, and a seed of its own for
 * each. In the order of seeds.
 */
export const readRuns = Effect.fn("plot.readRuns")(function* (folders: ReadonlyArray<string>) {
  const runs = yield* Effect.forEach(folders, readRun);
  const names = new Set(runs.map(runName));
  if (names.size > 1) {
    return yield* new PlotError({
      message: `Expected runs of one name, got ${[...names].join(", ")}; draw one picture for each`,
    });
  }
  const seen = new Map<number, string>();
  for (const [i, run] of runs.entries()) {
    const folder = folders[i]!;
    const other = seen.get(run.seed);
    if (other !== undefined) {
      return yield* new PlotError({
        message: `Expected a seed of its own for each run, got seed ${run.seed} twice, at ${other} and ${folder}; give each run once`,
      });
    }
    seen.set(run.seed, folder);
  }
  const shared = spreadOf(runs, "student").length;
  if (shared < 2) {
    return yield* new PlotError({
      message: `Expected runs that were evaluated at two or more of the same updates, got ${shared}; draw runs with the same evaluation.every`,
    });
  }
  return runs.toSorted((a, b) => a.seed - b.seed);
});
