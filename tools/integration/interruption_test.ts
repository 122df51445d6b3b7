import { assert, layer } from "@effect/vitest";
import { layer as onnx } from "@resd/compute-onnx";
import { type RunEvent, Tracker } from "@resd/core";
import { makeLocalPolicy } from "@resd/engine";
import { readRun } from "@resd/run";
import { Deferred, Effect, FileSystem, Fiber, Layer, Schedule } from "effect";
import { asArguments, startCommand } from "./_command.ts";
import { readRunFiles } from "./_run_files.ts";
import { shortFlags, trainShort } from "./_short_run.ts";
import { Workplace, place } from "./_workplace.ts";

/** A tracker that says when an event has come. */
const waitFor = Effect.fnUntraced(function* (tag: RunEvent["_tag"]) {
  const heard = yield* Deferred.make<void>();
  const tracker = Layer.succeed(Tracker, {
    event: (event) =>
      event._tag === tag ? Effect.asVoid(Deferred.succeed(heard, undefined)) : Effect.void,
  });
  return { tracker, come: Deferred.await(heard) };
});

/** Waits until a file has a line with this text. */
const lineIn = (path: string, text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    return (yield* fs.readFileString(path)).includes(text);
  }).pipe(
    Effect.orElseSucceed(() => false),
    Effect.repeat({ until: (found) => found, schedule: Schedule.spaced("10 millis") }),
  );

/** What every interrupted run leaves: files that can be read, and a model that loads. */
const readInterrupted = Effect.fnUntraced(
  function* (folder: string) {
    const { summary, files } = yield* readRun(folder);
    const written = yield* readRunFiles(folder);
    const { version } = yield* makeLocalPolicy({ folder: files.model });
    assert.strictEqual(summary.outcome, "interrupted");
    assert.isUndefined(summary.message);
    assert.isDefined(summary.heldOut.before);
    assert.isUndefined(summary.heldOut.after);
    assert.strictEqual(yield* version("student"), summary.parameters);
    return { summary, ...written };
  },
  Effect.provide(onnx({})),
);

layer(place, { excludeTestServices: true, timeout: 120_000 })("an interrupted run", (it) => {
  it.effect(
    "run() leaves the untrained model and its evaluation, when it is interrupted before any update",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* Workplace;
        const { tracker, come } = yield* waitFor("Evaluated");
        const running = yield* Effect.forkChild(trainShort({ name: "early", layers: { tracker } }));
        yield* come;
        yield* Fiber.interrupt(running);
        const { summary, metrics } = yield* readInterrupted(`${folder}/early`);
        assert.strictEqual(summary.updates, 0);
        assert.deepStrictEqual(
          metrics.map(({ type }) => type),
          ["evaluation"],
        );
      }),
    120_000,
  );

  it.effect(
    "resd train leaves a folder that can be read, when Ctrl-C stops it",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* Workplace;
        const flags = yield* shortFlags({
          name: "stopped",
          flags: { "resd.updates": "1000", "resd.evaluation.every": "1000" },
        });
        const command = yield* startCommand(["train", ...asArguments(flags)]);
        yield* Effect.race(lineIn(`${folder}/stopped/metrics.jsonl`, `"update":1,`), command.ended);
        yield* command.interrupt;
        const { code, stderr } = yield* command.ended;
        assert.strictEqual(code, 130, stderr);
        assert.include(stderr, `${folder}/stopped`);

        const { summary, metrics, rollouts } = yield* readInterrupted(`${folder}/stopped`);
        const updates = metrics.filter(({ type }) => type === "update").length;
        assert.isAtLeast(updates, 1);
        assert.isAtLeast(rollouts.size, updates);
        assert.isBelow(summary.updates, 1000);
        // A step that was under way may have been made, but not reported.
        assert.include([updates, updates + 1], summary.updates);
      }),
    120_000,
  );
});
