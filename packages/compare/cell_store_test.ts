import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, type Path } from "effect";
import type { Cell } from "./cell.ts";
import { cellFolder, clearCell, finishedCell, markFinished, readCell } from "./cell_store.ts";

const cell = {
  variant: "a / b",
  seed: 3,
  role: { _tag: "Result" },
  key: "0123456789abcdef0123456789abcdef",
  parts: [],
} as unknown as Cell;

const evaluation = (perTask: number) => ({
  perTask,
  perTaskStderr: 0.02,
  perTest: 0.5,
  bestOfK: 0.6,
  meanTokens: 11,
  somethingNew: 1,
});

const summary = {
  outcome: "finished",
  wallSeconds: 12,
  phases: { rollout: 3 },
  modelCalls: { rollout: 4 },
  generatedTokens: { rollout: 40 },
  curve: [
    { update: 0, interactions: 0, student: evaluation(0.1) },
    { update: 2, interactions: 32, student: evaluation(0.3), teacher: evaluation(0.8) },
  ],
  addedByALaterVersion: {},
};

const rows = [
  { type: "evaluation", update: 0, interactions: 0 },
  {
    type: "update",
    update: 1,
    interactions: 16,
    "train/success": 0.25,
    "tokens/perAttempt": 10,
    divergence: 0.5,
    "playbook/size": 2,
    "signal/reflection": 12,
    "signal/own-solution": 4,
    "signal/feedback": 0,
    loss: 1,
  },
  { type: "update", update: 2, interactions: 32, divergence: null },
];

/** Writes the files of a run into the folder of the cell. */
const writeRun = Effect.fnUntraced(function* (root: string, written: object) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* cellFolder(root, cell);
  yield* fs.makeDirectory(folder, { recursive: true });
  const write = (name: string, text: string) => fs.writeFileString(`${folder}/${name}`, text);
  yield* write("summary.json", JSON.stringify(written));
  yield* write("run.json", JSON.stringify({ git: { commit: "abc", changed: true } }));
  yield* write("metrics.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return folder;
});

const inFolder = <A, E>(
  use: (root: string) => Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    return yield* use(`${yield* fs.makeTempDirectoryScoped()}/cells`);
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer));
describe("finishedCell()", () => {
  it.effect("finishedCell() reads a run that was marked, whatever else its files hold", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const folder = yield* writeRun(root, summary);
        assert.match(folder, /cells\/a-b-seed-3-0123456789$/);
        assert.isUndefined(yield* finishedCell(cell, folder));
        yield* markFinished(cell, folder);
        assert.deepStrictEqual(yield* finishedCell(cell, folder), {
          variant: "a / b",
          seed: 3,
          role: { _tag: "Result" },
          key: cell.key,
          folder,
          curve: [
            {
              updates: 0,
              interactions: 0,
              success: 0.1,
              successStderr: 0.02,
              perTest: 0.5,
              best: 0.6,
              tokens: 11,
            },
            {
              updates: 2,
              interactions: 32,
              success: 0.3,
              successStderr: 0.02,
              perTest: 0.5,
              best: 0.6,
              tokens: 11,
              teacher: 0.8,
            },
          ],
          updates: [
            {
              updates: 1,
              interactions: 16,
              success: 0.25,
              responseTokens: 10,
              divergence: 0.5,
              playbook: 2,
              signals: { reflection: 12, "own-solution": 4 },
            },
            { updates: 2, interactions: 32, signals: {} },
          ],
          diagnoses: [],
          cost: {
            wallSeconds: 12,
            phases: { rollout: 3 },
            modelCalls: { rollout: 4 },
            generatedTokens: { rollout: 40 },
          },
          commit: "abc",
          changed: true,
        });
      }),
    ),
  );

  it.effect("finishedCell() finds a cell under another name, and not one of another key", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const folder = yield* writeRun(root, summary);
        yield* markFinished(cell, folder);
        const renamed = { ...cell, variant: "c" };
        assert.strictEqual(yield* cellFolder(root, renamed), folder);
        assert.strictEqual((yield* finishedCell(renamed, folder))?.variant, "c");
        const other = { ...cell, key: `0123456789${"f".repeat(22)}` };
        assert.isUndefined(yield* finishedCell(other, folder));
      }),
    ),
  );

  it.effect("readCell() refuses a run that did not finish, and clearCell() makes room for it", () =>
    inFolder((root) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* writeRun(root, { ...summary, outcome: "interrupted" });
        const error = yield* Effect.flip(readCell(cell, folder));
        assert.match(error.message, /Expected a run that finished, got the outcome interrupted/);
        yield* fs.writeFileString(`${folder}/summary.json`, "{}");
        const broken = yield* Effect.flip(readCell(cell, folder));
        assert.match(broken.message, /summary\.json: .*remove .* and run it again/s);
        yield* clearCell(folder);
        assert.isFalse(yield* fs.exists(folder));
        yield* clearCell(folder);
      }),
    ),
  );
});
