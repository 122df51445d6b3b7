import { assert, describe, it } from "@effect/vitest";
import { type RolloutRecord, type RunEvent, type View, emptyView } from "@resd/core";
import { makeTotals, summaryOf } from "@resd/resd";
import { attemptOf, evaluationAt } from "@resd/testing";
import { Effect, FileSystem } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { makeFileTracker } from "./file_tracker.ts";
import { runFiles } from "./run_folder.ts";

const evaluation = evaluationAt(0.5, { meanTokens: 3.5 });
const record: RolloutRecord = {
  attempt: {
    ...attemptOf({
      problem: "10: square",
      answer: "10: PEF",
      results: [{ success: false, tests: [{ id: "1", visibility: "public", status: "failed" }] }],
    }),
    ids: Int32Array.of(4, 5),
    from: 1,
    mask: Uint8Array.of(1),
    logProbs: Float32Array.of(-0.1),
  },
  feedback: "want 4 got 2",
  reflection: { text: "square is ROK", insight: "square is ROK", tags: [], parse: "ok" },
  signal: "reflection",
  teacherPrompt: "<task> 10: square <fb> want 4 got 2 <prog>",
  studentPrompt: "<task> 10: square <prog>",
  playbookVersion: 1,
  weight: 1,
};
const updated = (update: number): RunEvent => ({
  _tag: "Updated",
  update,
  report: {
    loss: 0.1 + 0.2,
    gradNorm: 1 / 3,
    teacherDrift: 0,
    paramDeltaNorm: 0,
    logProbGap: 0,
    policyVersion: `weights ${update}`,
    samples: [],
  },
  metrics: {
    loss: 0.1 + 0.2,
    gradNorm: 1 / 3,
    rolloutHash: "names",
    policyVersion: "again",
    batch: 0,
  },
});
const view = (text: string, version: number): View => ({
  version,
  updateCount: 0,
  entries: [
    {
      id: "others-00001",
      section: "OTHERS",
      text,
      helpful: 0,
      harmful: 0,
      createdAt: 0,
      lastTaggedAt: 0,
    },
  ],
});
const added = (key: string, text: string): RunEvent => ({
  _tag: "PlaybookChanged",
  update: 0,
  view: view(text, 1),
  removals: [],
  lines: [
    {
      key,
      cause: { update: 0, by: "curator" },
      change: { _tag: "Added", entry: view(text, 1).entries[0]! },
    },
  ],
});

/** What the files say after some events. */
const written = (events: ReadonlyArray<RunEvent>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const folder = yield* folderWith({ "rollouts/.keep": "", "playbook/.keep": "" });
    const tracker = yield* makeFileTracker(runFiles(folder));
    yield* Effect.forEach(events, tracker.event);
    const text = (path: string) => fs.readFileString(`${folder}/${path}`);
    return {
      tracker,
      text,
      names: yield* fs.readDirectory(folder, { recursive: true }),
      lines: (path: string) =>
        Effect.map(text(path), (all): ReadonlyArray<Record<string, unknown>> =>
          all.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)])),
        ),
    };
  });

const timeless = (line: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(line).filter(([key]) => !key.startsWith("time/")));

describe("makeFileTracker", () => {
  it.effect(
    "event() writes a row of metrics for each update, with full precision and times apart",
    () =>
      Effect.gen(function* () {
        const { lines } = yield* written([
          { _tag: "PhaseEnded", update: 0, phase: "rollout", seconds: 1.25 },
          updated(0),
          updated(1),
        ]);
        const [first, second] = yield* lines("metrics.jsonl");
        assert.deepStrictEqual(timeless(first!), {
          type: "update",
          update: 1,
          loss: 0.30000000000000004,
          gradNorm: 1 / 3,
          parameters: "weights 0",
          rollouts: "names",
          batch: 0,
        });
        assert.strictEqual(first!["time/rollout"], 1.25);
        assert.strictEqual(second!["update"], 2);
        assert.notProperty(second!, "time/rollout");
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect(
    "event() writes a row of metrics for each evaluation, the teacher's beside the student's",
    () =>
      Effect.gen(function* () {
        const { lines } = yield* written([
          {
            _tag: "Evaluated",
            update: 12,
            interactions: 192,
            student: evaluation,
            teacher: { ...evaluation, perTask: 1 },
            seconds: 2,
          },
        ]);
        const [row] = yield* lines("metrics.jsonl");
        assert.deepInclude(row, {
          type: "evaluation",
          update: 12,
          interactions: 192,
          "heldOut/student/perTask": 0.5,
          "heldOut/student/meanTokens": 3.5,
          "heldOut/teacher/perTask": 1,
          "time/evaluate": 2,
        });
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("event() writes what probes said, one a line, and a row of abilities", () =>
    Effect.gen(function* () {
      const results = [
        { id: "a", ability: "echo", correct: true, reply: "a", tokens: 2 },
        { id: "b", ability: "text", logProb: -1.5, tokens: 3 },
      ];
      const { lines } = yield* written([
        {
          _tag: "Probed",
          update: 12,
          results,
          abilities: { echo: { measure: "accuracy", value: 1, low: 0.2, high: 1, probes: 1 } },
          seconds: 2,
        },
      ]);
      assert.deepStrictEqual(yield* lines("probes/step-000012.jsonl"), results);
      const [row] = yield* lines("metrics.jsonl");
      assert.deepInclude(row, { type: "probes", update: 12, "ability/echo": 1, "time/probes": 2 });
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("event() writes every rollout with its prompts, words, tests and ids", () =>
    Effect.gen(function* () {
      const { lines } = yield* written([
        { _tag: "RolledOut", update: 6, records: [record, record] },
      ]);
      const rollouts = yield* lines("rollouts/step-000007.jsonl");
      assert.lengthOf(rollouts, 2);
      assert.deepInclude(rollouts[0], {
        update: 7,
        taskKey: record.attempt.taskKey,
        studentPrompt: record.studentPrompt,
        teacherPrompt: record.teacherPrompt,
        feedback: record.feedback,
        signal: "reflection",
        success: false,
        tests: record.attempt.results[0]?.tests,
        reflection: record.reflection,
        ids: [4, 5],
        mask: [1],
        logProbs: [Math.fround(-0.1)],
      });
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect(
    "event() writes each change of a playbook with its cause, and all playbooks when one changed",
    () =>
      Effect.gen(function* () {
        const { lines, text, names, tracker } = yield* written([
          added("task a", "double is PEF"),
          added("task b", "halve is SUD"),
          { _tag: "RolledOut", update: 0, records: [] },
          { _tag: "PlaybookChanged", update: 1, view: emptyView, removals: [], lines: [] },
          { _tag: "RolledOut", update: 1, records: [] },
        ]);
        const operations = yield* lines("playbook/ops.jsonl");
        assert.deepStrictEqual(
          operations.map(({ update, key, cause }) => ({ update, key, cause })),
          ["task a", "task b"].map((key) => ({
            update: 1,
            key,
            cause: { update: 0, by: "curator" },
          })),
        );
        const snapshot = JSON.parse(yield* text("playbook/000001.json")) as {
          playbooks: Record<string, View>;
        };
        assert.deepStrictEqual(Object.keys(snapshot.playbooks), ["task a", "task b"]);
        assert.notInclude(names, "playbook/000002.json");
        assert.strictEqual(tracker.views.get("task b")?.entries[0]?.text, "halve is SUD");
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("event() writes a first summary at the end, and the log in words", () =>
    Effect.gen(function* () {
      const summary = summaryOf(makeTotals(), {
        name: "test",
        seed: 1,
        wallSeconds: 2,
        phases: {},
        finished: false,
      });
      const { text, tracker } = yield* written([
        { _tag: "Warned", update: 2, code: "broken-task", message: "a/3 has no text" },
        { _tag: "Ended", outcome: "failed", message: "out of disk", summary },
      ]);
      assert.deepInclude(JSON.parse(yield* text("summary.json")), {
        outcome: "failed",
        name: "test",
      });
      assert.deepStrictEqual(tracker.ending(), summary);
      const log = yield* text("run.log");
      assert.match(log, /s warning broken-task at update 3: a\/3 has no text\n/);
      assert.match(log, /s failed: out of disk\n$/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("event() never fails; the first failure to write is kept", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* folderWith({ "playbook/.keep": "" });
      const tracker = yield* makeFileTracker(runFiles(folder));
      assert.isUndefined(tracker.failure());
      yield* tracker.event({ _tag: "RolledOut", update: 0, records: [] });
      assert.strictEqual(tracker.failure()?._tag, "PlatformError");
      assert.isFalse(yield* fs.exists(`${folder}/rollouts`));
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});
