import { assert, describe, it } from "@effect/vitest";
import type { TaskScores } from "@resd/core";
import { evaluationOf } from "@resd/resd";
import { Effect, FileSystem } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { makeFileTracker } from "./file_tracker.ts";
import { readScores } from "./read_scores.ts";
import { runFiles } from "./run_folder.ts";

const task = (name: string, solved: number): TaskScores => ({
  task: name,
  success: [0, 1, 2].map((sample) => sample < solved),
  fraction: [1 / 3, 0.5, 1],
  tokens: [3, 4, 5],
  truncated: [false, false, true],
  ungraded: 1,
});

describe("readScores", () => {
  it.effect("readScores() gives back what evaluations were made of, and so the evaluations", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "eval/001.json": "{}", "playbook/.keep": "" });
      const tracker = yield* makeFileTracker(runFiles(folder));
      const student = [task("a", 1), task("b", 3)];
      const evaluated = (update: number, teacher: ReadonlyArray<TaskScores>) =>
        tracker.event({
          _tag: "Evaluated",
          update,
          interactions: 0,
          student: evaluationOf(student, 3),
          scores: { student, ...(teacher.length === 0 ? {} : { teacher }) },
          seconds: 1,
        });
      yield* evaluated(0, []);
      yield* evaluated(12, [task("a", 0)]);
      assert.isUndefined(tracker.failure());
      assert.deepStrictEqual(yield* readScores(folder), [
        { update: 0, student, teacher: [], select: [] },
        { update: 12, student, teacher: [task("a", 0)], select: [] },
      ]);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("readScores() names the line that it cannot read", () =>
    Effect.gen(function* () {
      const line = JSON.stringify({ of: "student", ...task("a", 1) });
      const folder = yield* folderWith({
        "eval/step-000004.jsonl": `${line}\n${line.replace("student", "somebody")}\n`,
      });
      const error = yield* Effect.flip(readScores(folder));
      assert.match(error.message, /Expected the scores of a task.*step-000004\.jsonl:2/);
      const none = yield* Effect.flip(readScores(yield* folderWith({})));
      assert.match(none.message, /Expected the folder of a run, got none with evaluations/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});

describe("makeFileTracker", () => {
  it.effect("event() writes the tasks that choose beside the held-out ones", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* folderWith({ "eval/.keep": "", "playbook/.keep": "" });
      const tracker = yield* makeFileTracker(runFiles(folder));
      const [student, select] = [[task("a", 1)], [task("c", 3)]];
      yield* tracker.event({
        _tag: "Evaluated",
        update: 0,
        interactions: 0,
        student: evaluationOf(student, 3),
        select: evaluationOf(select, 3),
        scores: { student, select },
        seconds: 1,
      });
      const row = JSON.parse(yield* fs.readFileString(`${folder}/metrics.jsonl`));
      assert.deepInclude(row, { "heldOut/student/perTask": 1 / 3, "select/student/perTask": 1 });
      assert.deepStrictEqual((yield* readScores(folder))[0]?.select, select);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});
