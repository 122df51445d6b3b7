/** What becomes of runs on disks that are too small. */
import { NodeServices } from "@effect/platform-node";
import { fileFailureText } from "@resd/core";
import { FreeSpace, RunSummary, defineRun } from "@resd/run";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Layer, PlatformError, Schema } from "effect";
import { tmpdir } from "node:os";
import { prepareIn, runServices, scriptedPolicy, scriptedRun } from "./_scripted_run.ts";
import { smallDisk } from "./_small_disk.ts";
import { freeSpace } from "./free_space.ts";
import { hostLayer } from "./host.ts";

const withFree = (bytes: number | undefined) =>
  Effect.provideService(FreeSpace, () => Effect.succeed(bytes));

describe("freeSpace", () => {
  it.effect("freeSpace() asks the nearest folder that exists", () =>
    Effect.gen(function* () {
      const there = yield* freeSpace(tmpdir());
      const below = yield* freeSpace(`${tmpdir()}/no-such-folder-at-all/run`);
      assert.isAbove(there!, 0);
      assert.approximately(below!, there!, there! / 2);
    }),
  );
});

describe("a run on a small disk", () => {
  const definition = defineRun({ preset: "kestrel", config: { trackers: [] } });
  const overrides = [
    { path: "checkpoint.every", text: "6" },
    { path: "resd.evaluation.keepBest", text: "perTest" },
  ];

  it.live("is refused before it begins, with what it would write", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        prepareIn(definition, overrides).pipe(withFree(20 * 2 ** 20)),
      );
      assert.strictEqual(error._tag, "RunFolderError");
      assert.match(
        error.message,
        /^Expected \d\d\.\d MiB on the disk \(3\.\d MiB for the model, 6\.\d MiB for the best one, \d\d\.\d MiB for two checkpoints, 16\.0 MiB for records\), got 20\.0 MiB free, at .*run; free some, or choose a --run-dir on another disk, or leave checkpoint\.every and checkpoint\.minutes out, or leave evaluation\.keepBest out$/,
      );
      yield* prepareIn(definition).pipe(withFree(20 * 2 ** 20)); // the model alone fits
      yield* prepareIn(definition, overrides).pipe(withFree(undefined));
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live(
    "that is full in the middle ends with the path, and leaves a folder that can be read",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy(), { updates: 60 }));
        const error = yield* Effect.flip(conduct);
        assert(error instanceof PlatformError.PlatformError);
        const told = fileFailureText(error);
        assert.match(
          told,
          /^Expected space on the disk, got none left \(ENOSPC\), at .*; free some/,
        );
        assert.include(told, `, at ${files.folder}/`);
        const text = yield* fs.readFileString(files.summary);
        const summary = yield* Schema.decodeEffect(Schema.fromJsonString(RunSummary))(text);
        assert.strictEqual(summary.outcome, "failed");
        assert.strictEqual(summary.message, told);
        assert.isBelow(summary.updates, 60); // it did not go on in vain
        const rows = (yield* fs.readFileString(files.metrics)).split("\n");
        assert.strictEqual(rows.pop(), "");
        assert.isNotEmpty(rows);
        for (const row of rows) JSON.parse(row);
        const left = yield* fs.readDirectory(files.folder, { recursive: true });
        assert.isEmpty(left.filter((name) => /\.(partial|reserve)$/.test(name)));
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.mergeAll(
            smallDisk(2 ** 18 + 100_000).pipe(Layer.provideMerge(NodeServices.layer)),
            hostLayer,
          ),
        ),
      ),
  );
});
