import { NodeServices } from "@effect/platform-node";
import { Environment } from "@resd/core";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Layer, Schema } from "effect";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { jsonl } from "./jsonl.ts";

const folder = mkdtempSync(join(tmpdir(), "resd-jsonl-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "squares.jsonl");
const rowsTo = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    problem: `Square ${n}.`,
    answer: `${n * n} exactly`,
  }));
const lines = (rows: ReadonlyArray<unknown>) => rows.map((row) => JSON.stringify(row)).join("\n");
writeFileSync(file, `${lines(rowsTo(30))}\n`);

const squares = jsonl({
  id: "squares",
  license: "CC0-1.0",
  file,
  grade: (answer, row) => answer === row.answer,
});

describe("jsonl() keeps the laws", () => {
  registerLaws(environmentLaws(squares, {}), { layer: NodeServices.layer });
});

/** Keys of the tasks of both splits, for a file of such text. */
const splitsOf = (text: string, options: { readonly testShare?: number } = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const other = yield* fs.makeTempFileScoped({ suffix: ".jsonl" });
    yield* fs.writeFileString(other, text);
    const layer = Layer.provide(squares.layer({ file: other, ...options }), NodeServices.layer);
    const environment = yield* Effect.provide(Environment, layer);
    return yield* Effect.forEach(["train", "test"], (split) => {
      const { size, get } = environment.tasks(split);
      return Effect.forEach(
        Array.from({ length: Number(size) }, (_, i) => i),
        (i) => Effect.map(get(i), ({ problem }) => problem),
      );
    });
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer));

const refusal = (text: string) => Effect.map(Effect.flip(splitsOf(text)), ({ message }) => message);

describe("jsonl()", () => {
  it.effect("holds a share out by what problems say, wherever they stand", () =>
    Effect.gen(function* () {
      const [train, test] = yield* splitsOf(lines(rowsTo(30)), { testShare: 0.2 });
      assert.lengthOf(train!, 24);
      const [, again] = yield* splitsOf(lines(rowsTo(30).toReversed()), { testShare: 0.2 });
      assert.deepStrictEqual(again, test);
    }),
  );

  it.effect("keeps equal problems on one side, and rows where they say they belong", () =>
    Effect.gen(function* () {
      const twice = rowsTo(10).flatMap((row) => [row, { ...row, answer: "another" }]);
      const [train, test] = yield* splitsOf(lines(twice), { testShare: 0.5 });
      assert.lengthOf(train!, 10);
      assert.isEmpty(test!.filter((problem) => train!.includes(problem)));
      const placed = rowsTo(4).map((row, i) => ({ ...row, split: i < 1 ? "test" : "train" }));
      assert.deepStrictEqual((yield* splitsOf(lines(placed)))[1], ["Square 0."]);
    }),
  );

  it.effect("says file, line and field of what does not fit", () =>
    Effect.gen(function* () {
      const fine = lines(rowsTo(2));
      assert.match(yield* refusal(`${fine}\n{`), /Expected JSON, got .*\.jsonl:3; correct/);
      assert.match(
        yield* refusal(`${fine}\n\n{"problem": "Why?"}`),
        /Expected a task of the schema, got .*"answer".*\.jsonl:4; correct/s,
      );
      assert.match(
        yield* refusal(`${fine}\n${fine}`),
        /got the one of line 1 again, at .*:3; remove/,
      );
      assert.match(yield* refusal(""), /Expected tasks to train on, got none of 0/);
      const gone = squares.layer({ file: join(folder, "gone.jsonl") });
      const error = yield* Effect.flip(
        Effect.scoped(Effect.provide(Environment, Layer.provide(gone, NodeServices.layer))),
      );
      assert.match(
        error.message,
        /Expected a JSONL file of tasks, got no readable file, at .*gone/,
      );
    }),
  );

  it.effect("takes rows of any other shape", () =>
    Effect.gen(function* () {
      const other = join(folder, "pairs.jsonl");
      writeFileSync(
        other,
        lines([
          { q: ["a", "b"], a: 1 },
          { q: ["c", "d"], a: 2 },
        ]),
      );
      const pairs = jsonl({
        id: "pairs",
        license: "CC0-1.0",
        file: other,
        row: Schema.Struct({ q: Schema.Array(Schema.String), a: Schema.Int }),
        problem: ({ q }) => q.join(" or "),
        gold: ({ a }) => String(a),
        grade: (answer, { a }) => Number(answer) === a,
      });
      const environment = yield* Effect.provide(
        Environment,
        Layer.provide(pairs.layer({ testShare: 0 }), NodeServices.layer),
      );
      const row = yield* environment.tasks("train").get(0);
      assert.include(["a or b", "c or d"], row.problem);
    }).pipe(Effect.scoped),
  );
});
