import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Path } from "effect";
import { madeUpRun } from "./_made_up_run.ts";
import { readRuns } from "./read_runs.ts";

/** Writes summaries into run folders, and reads the folders. */
const readWritten = Effect.fnUntraced(function* (summaries: ReadonlyArray<unknown>) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const root = yield* fs.makeTempDirectoryScoped();
  const folders = yield* Effect.forEach(summaries, (summary, i) =>
    Effect.gen(function* () {
      const folder = path.join(root, `run-${i}`);
      yield* fs.makeDirectory(folder);
      yield* fs.writeFileString(path.join(folder, "summary.json"), JSON.stringify(summary));
      return folder;
    }),
  );
  return yield* readRuns(folders);
});

const run = madeUpRun({ seed: 1, student: [0, 0.5] });
const other = madeUpRun({ seed: 2, student: [0, 0.7] });

describe("readRuns()", () => {
  it.effect("reads every run, in the order of seeds", () =>
    Effect.gen(function* () {
      const runs = yield* readWritten([other, run]);
      assert.deepStrictEqual(runs, [run, other]);
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  );

  it.effect("reads runs that were written when their name stood under variant", () =>
    Effect.gen(function* () {
      const { name: _, ...older } = run;
      assert.lengthOf(yield* readWritten([older, other]), 2);
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  );

  const refused: ReadonlyArray<readonly [what: string, runs: ReadonlyArray<unknown>, RegExp]> = [
    ["what is no summary", [{ seed: 1 }], /Expected the summary of a run/],
    ["a run that did not finish", [{ ...run, outcome: "interrupted" }], /that was interrupted/],
    ["a seed that comes twice", [run, run], /seed 1 twice, at .*run-0 and .*run-1/],
    ["runs of several names", [run, { ...other, name: "b" }], /one name, got made-up, b/],
    ["runs without evaluations in common", [run, { ...other, curve: [] }], /same updates, got 0/],
  ];
  for (const [what, runs, message] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(readWritten(runs));
        assert.match(error.message, message);
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    );
  }
  it.effect("names the file that is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readRuns(["no/such/run"]));
      assert.match(error.message, /no\/such\/run\/summary\.json/);
    }).pipe(Effect.provide(NodeServices.layer)),
  );
});
