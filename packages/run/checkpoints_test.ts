import { Playbook, Policy, type RunEvent, Tracker } from "@resd/core";
import type { TrainState } from "@resd/resd";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { makeCheckpoints } from "./checkpoints.ts";
import { FreeSpace } from "./disk_space.ts";
import { runFiles } from "./run_folder.ts";

describe("makeCheckpoints", () => {
  it.effect("leaves a checkpoint out that the disk has no room for, and says so", () =>
    Effect.gen(function* () {
      const events: Array<RunEvent> = [];
      const saved: Array<string> = [];
      const seams = Layer.mergeAll(
        Layer.succeed(Tracker, { event: (event) => Effect.sync(() => void events.push(event)) }),
        Layer.succeed(Policy, {
          save: (folder: string) => Effect.sync(() => void saved.push(folder)),
        } as unknown as Policy["Service"]),
        Layer.succeed(Playbook, {
          snapshot: Effect.succeed(new TextEncoder().encode("{}")),
        } as unknown as Playbook["Service"]),
      );
      const files = runFiles(yield* folderWith({ "playbook/ops.jsonl": "", "metrics.jsonl": "" }));
      const state = { totals: { updates: 12 } } as unknown as TrainState;
      const told = { views: new Map(), sinceStart: Effect.succeed(1) };
      const takeWith = (free: number | undefined, bytes?: number) =>
        makeCheckpoints(files, bytes).pipe(
          Effect.flatMap((take) => take(state, told)),
          Effect.exit, // the state is none that could be written
          Effect.provideService(FreeSpace, () => Effect.succeed(free)),
          Effect.provide(seams),
        );
      yield* takeWith(3 * 2 ** 20 - 1, 3 * 2 ** 20);
      assert.isEmpty(saved);
      const [warned] = events;
      assert(warned?._tag === "Warned" && events.length === 1);
      assert.deepInclude(warned, { update: 11, code: "no-checkpoint" });
      assert.match(
        warned.message,
        /^Expected 3\.0 MiB on the disk for a checkpoint after 12 updates, got 3\.0 MiB free, at .*checkpoints; free some/,
      );
      yield* takeWith(3 * 2 ** 20, 3 * 2 ** 20);
      yield* takeWith(undefined, 3 * 2 ** 20);
      yield* takeWith(0);
      assert.lengthOf(saved, 3);
      assert.lengthOf(events, 1);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});
