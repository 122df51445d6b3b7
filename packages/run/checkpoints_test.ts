import { Playbook, Policy, type RunEvent, Tracker } from "@resd/core";
import type { TrainState } from "@resd/resd";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Layer } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { checkpointPace } from "./checkpoint_pace.ts";
import { type CheckpointTerms, makeCheckpoints } from "./checkpoints.ts";
import { FreeSpace } from "./disk_space.ts";
import { runFiles } from "./run_folder.ts";

const state = { totals: { updates: 12 } } as unknown as TrainState;
const told = { views: new Map(), sinceStart: Effect.succeed(1) };

/** What takes a checkpoint in a folder, with what was told and saved meanwhile. The state is none that could be written. */
const taking = Effect.gen(function* () {
  const events: Array<RunEvent> = [];
  const saved: Array<string> = [];
  const fs = yield* FileSystem.FileSystem;
  const seams = Layer.mergeAll(
    Layer.succeed(Tracker, { event: (event) => Effect.sync(() => void events.push(event)) }),
    Layer.succeed(Policy, {
      save: (folder: string) =>
        Effect.andThen(
          Effect.orDie(fs.makeDirectory(folder)),
          Effect.sync(() => void saved.push(folder)),
        ),
    } as unknown as Policy["Service"]),
    Layer.succeed(Playbook, {
      snapshot: Effect.succeed(new TextEncoder().encode("{}")),
    } as unknown as Playbook["Service"]),
  );
  const files = runFiles(yield* folderWith({ "playbook/ops.jsonl": "", "metrics.jsonl": "" }));
  const takeWith = (free: number | undefined, terms: CheckpointTerms) =>
    makeCheckpoints(files, terms).pipe(
      Effect.flatMap((take) => take(state, told)),
      Effect.exit,
      Effect.provideService(FreeSpace, () => Effect.succeed(free)),
      Effect.provide(seams),
    );
  return { events, saved, files, takeWith };
});

const messageOf = (event: RunEvent | undefined): string => {
  assert(event?._tag === "Warned");
  assert.deepInclude(event, { update: 11, code: "no-checkpoint" });
  return event.message;
};

describe("makeCheckpoints", () => {
  it.effect("leaves a checkpoint out that the disk has no room for, and says so", () =>
    Effect.gen(function* () {
      const { events, saved, takeWith } = yield* taking;
      const bytes = 3 * 2 ** 20;
      yield* takeWith(bytes - 1, { bytes, asked: true });
      assert.isEmpty(saved);
      assert.match(
        messageOf(events[0]),
        /^Expected 3\.0 MiB on the disk for a checkpoint after 12 updates, got 3\.0 MiB free, at .*checkpoints; free some/,
      );
      yield* takeWith(bytes, { bytes, asked: true });
      yield* takeWith(undefined, { bytes, asked: true });
      yield* takeWith(0, { asked: true });
      assert.lengthOf(saved, 3);
      assert.lengthOf(events, 1);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("takes none that nobody has asked for from the room of the model", () =>
    Effect.gen(function* () {
      const { events, saved, takeWith } = yield* taking;
      const [bytes, spare] = [3 * 2 ** 20, 2 ** 20];
      yield* takeWith(bytes + spare - 1, { bytes, spare, asked: false });
      assert.isEmpty(saved);
      assert.include(messageOf(events[0]), "beside 1.0 MiB that the run has still to write");
      yield* takeWith(bytes + spare, { bytes, spare, asked: false });
      assert.lengthOf(saved, 1);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect(
    "leaves nothing behind of one that cannot be written, and ends only a run that asked",
    () =>
      Effect.gen(function* () {
        const { events, files, takeWith } = yield* taking;
        const fs = yield* FileSystem.FileSystem;
        const asked = yield* takeWith(undefined, { asked: true });
        assert.strictEqual(asked._tag, "Failure");
        assert.isEmpty(events);
        const unasked = yield* takeWith(undefined, { asked: false });
        assert.strictEqual(unasked._tag, "Success");
        assert.match(messageOf(events[0]), /the run goes on without, .*--checkpoint\.minutes=0/);
        assert.isEmpty(yield* fs.readDirectory(files.checkpoints));
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});

describe("checkpointPace", () => {
  it("checkpointPace() is 15 minutes where nothing is said, and whatever is said elsewhere", () => {
    for (const [checkpoint, pace] of [
      [undefined, { seconds: 900, asked: false }],
      [{}, { seconds: 900, asked: false }],
      [{ every: 4 }, { every: 4, asked: true }],
      [{ minutes: 2.5 }, { seconds: 150, asked: true }],
      [
        { every: 4, minutes: 60 },
        { every: 4, seconds: 3600, asked: true },
      ],
      [{ minutes: 0 }, { asked: true }],
      [
        { every: 4, minutes: 0 },
        { every: 4, asked: true },
      ],
    ] as const) {
      assert.deepStrictEqual(checkpointPace(checkpoint === undefined ? {} : { checkpoint }), pace);
    }
  });
});
