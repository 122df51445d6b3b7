import { assert, describe, it } from "@effect/vitest";
import { type Attempt, type RolloutRecord, makeRandom } from "@resd/core";
import { attemptOf } from "@resd/testing";
import { Effect, FileSystem } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { makeFileTracker } from "./file_tracker.ts";
import {
  outcomeOf,
  readEpisode,
  readEpisodes,
  readSolved,
  recordedAttempt,
} from "./read_episodes.ts";
import { runFiles } from "./run_folder.ts";

const attempt = (id: string, taskKey: string, success: boolean): Attempt => {
  const random = makeRandom("attempt", id);
  const length = 1 + random.int(6);
  return {
    ...attemptOf({
      id,
      problem: "10: square",
      answer: random.int(2) === 0 ? "10: ROK" : ["10: PEF", "20: PEF"],
      results: [{ success, tests: [{ id: "1", visibility: "public", status: "failed" }] }],
    }),
    taskKey,
    ids: Int32Array.from({ length: length + 3 }, () => random.int(60)),
    from: 3,
    mask: Uint8Array.from({ length }, () => random.int(2)),
    logProbs: Float32Array.from({ length }, () => -random.next()),
    reward: random.next(),
    policyVersion: "weights",
  };
};

const recordOf = (made: Attempt, parts: Partial<RolloutRecord> = {}): RolloutRecord => ({
  attempt: made,
  feedback: "want 4 got 2",
  signal: "reflection",
  studentPrompt: "<task> 10: square <prog>",
  playbookVersion: 1,
  weight: 1,
  ...parts,
});

/** A folder with the rollouts of two updates. */
const recorded = Effect.gen(function* () {
  const folder = yield* folderWith({ "playbook/.keep": "", "rollouts/.keep": "" });
  const tracker = yield* makeFileTracker(runFiles(folder));
  const first = [attempt("abcd1", "task/one", false), attempt("abce2", "task/two", true)];
  const second = [attempt("f0003", "task/one", true), attempt("f0004", "task/other", false)];
  for (const [update, made] of [first, second].entries()) {
    yield* tracker.event({
      _tag: "RolledOut",
      update,
      records: made.map((one) => recordOf(one, { teacherPrompt: `about ${one.id}` })),
    });
  }
  assert.isUndefined(tracker.failure());
  return { folder, all: [...first, ...second] };
});

const idsOf = (found: ReadonlyArray<{ readonly id: string }>) => found.map(({ id }) => id);

describe("readEpisodes", () => {
  it.effect("readEpisodes() lists attempts in order, and those that a filter is about", () =>
    Effect.gen(function* () {
      const { folder, all } = yield* recorded;
      const listed = yield* readEpisodes(folder);
      assert.deepStrictEqual(
        listed.map(({ id, update, tokens }) => [id, update, tokens]),
        all.map(({ id, mask }, i) => [id, i < 2 ? 1 : 2, mask.reduce((sum, one) => sum + one, 0)]),
      );
      const some = (filter: Parameters<typeof readEpisodes>[1]) =>
        Effect.map(readEpisodes(folder, filter), idsOf);
      assert.deepStrictEqual(yield* some({ update: 2 }), ["f0003", "f0004"]);
      assert.deepStrictEqual(yield* some({ success: false }), ["abcd1", "f0004"]);
      assert.deepStrictEqual(yield* some({ task: "task/o" }), ["abcd1", "f0003", "f0004"]);
      assert.deepStrictEqual(yield* some({ task: "task/o", update: 1, success: true }), []);
      assert.deepStrictEqual(idsOf(yield* readSolved(folder, "task/one", 2)), ["f0003"]);
      assert.deepStrictEqual(idsOf(yield* readSolved(folder, "task/one", 1)), []);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect(
    "readEpisode() gives back the attempt that the loop had, by the beginning of its id",
    () =>
      Effect.gen(function* () {
        const { folder, all } = yield* recorded;
        for (const one of all) {
          const found = yield* readEpisode(
            folder,
            one.id.slice(0, 4) === "f000" ? one.id : one.id.slice(0, 4),
          );
          assert.deepStrictEqual(recordedAttempt(found), one);
          assert.strictEqual(found.teacherPrompt, `about ${one.id}`);
        }
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("readEpisode() says which ids begin so, and that none does", () =>
    Effect.gen(function* () {
      const { folder } = yield* recorded;
      const message = (id: string) =>
        Effect.map(Effect.flip(readEpisode(folder, id)), ({ message: said }) => said);
      assert.match(yield* message("abc"), /got abc, with which 2 begin, .*abcd1, abce2$/);
      assert.match(yield* message("task"), /got task, which none has/); // ids alone count
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("readEpisodes() names the line that is no attempt, and what a folder lacks", () =>
    Effect.gen(function* () {
      const { folder } = yield* recorded;
      const message = (filter: Parameters<typeof readEpisodes>[1], of = folder) =>
        Effect.map(Effect.flip(readEpisodes(of, filter)), ({ message: said }) => said);
      assert.match(yield* message({ update: 3 }), /Expected an update from 1 to 2, got 3/);
      assert.match(yield* message({}, `${folder}/playbook`), /got none with rollouts/);
      const empty = yield* folderWith({ "rollouts/.keep": "" });
      assert.match(yield* message({}, empty), /Expected attempts, got none so far/);
      const fs = yield* FileSystem.FileSystem;
      const file = `${folder}/rollouts/step-000002.jsonl`;
      yield* fs.writeFileString(file, `${(yield* fs.readFileString(file)).split("\n")[0]}\n{}\n`);
      assert.match(yield* message({}), /step-000002\.jsonl:2/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it("outcomeOf() says in a word what became of an attempt", () => {
    const failed = attemptOf({ problem: "", answer: "", results: [{ success: false }] });
    const signal = "reflection" as const;
    const step = failed.results[0]!;
    const outcomes = [
      { ...failed, signal, success: true },
      { ...failed, signal },
      { ...failed, signal, truncated: true },
      { ...failed, signal, results: [{ ...step, parse: "no_answer" as const }] },
      { ...failed, signal, results: [{ ...step, status: "truncated" as const }] },
      { ...failed, signal, ungraded: "no server" },
      { ...failed, signal: "none:overflow" as const, results: [] },
      { ...failed, signal: "none:overflow" as const },
      {
        ...failed,
        signal,
        results: [
          {
            ...step,
            tests: (["passed", "failed"] as const).map((status) => ({
              id: status,
              visibility: "public" as const,
              status,
            })),
          },
        ],
      },
    ].map(outcomeOf);
    assert.deepStrictEqual(outcomes, [
      "solved",
      "failed",
      "cut by length",
      "no answer",
      "out of turns",
      "not graded",
      "not graded",
      "failed",
      "1 of 2 tests",
    ]);
  });
});
