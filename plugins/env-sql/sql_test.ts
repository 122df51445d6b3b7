import { assert, layer as withLayer } from "@effect/vitest";
import { type Action, Environment, type StepResult, renderFeedback } from "@resd/core";
import { Duration, Effect } from "effect";
import * as sql from "./mod.ts";
import type { Question } from "./questions/question.ts";

const call = (name: "run_sql" | "answer", query: string): Action => ({
  content: "",
  toolCalls: [{ id: "call-1", name, arguments: { query } }],
  stop: "eos",
});
const limits = { maxTurns: 4, stepTimeout: Duration.seconds(60), maxObservationChars: 5000 };
const context = { episodeId: "e", seed: 1, group: { index: 0, size: 1 }, limits };

const task = Effect.fnUntraced(function* (
  wanted: (question: Question) => boolean = () => true,
  split = "train",
) {
  const { tasks, open } = yield* Environment;
  const { get, size } = tasks(split);
  for (let index = 0; index < Number(size); index++) {
    const row = yield* get(index);
    const question = row.task as Question;
    if (!wanted(question)) continue;
    const open_ = open(row, context);
    const answer = (query: string) =>
      Effect.scoped(Effect.flatMap(open_, (episode) => episode.step(call("answer", query))));
    return { row, question, open: open_, answer };
  }
  throw new Error("no such question");
});

const told = (result: StepResult) => renderFeedback(result, { maxCases: 10, maxChars: 10_000 });
const tests = ({ tests: all = [] }: StepResult) => all.map(({ status }) => status);

const options = { trainSize: 40, testSize: 8, seed: 3, queryMillis: 1000 };

withLayer(sql.layer(options), { excludeTestServices: true, timeout: 60_000 })("env-sql", (it) => {
  it.effect("the policy looks around, corrects itself and hands in a query", () =>
    Effect.gen(function* () {
      const { open, question } = yield* task();
      yield* Effect.scoped(
        Effect.gen(function* () {
          const episode = yield* open;
          assert.deepEqual(
            episode.tools?.map(({ name }) => name),
            ["run_sql", "answer"],
          );
          assert.include(episode.initial[0]!.content, `Question: ${question.text}`);
          assert.include(episode.initial[0]!.content, "CREATE TABLE sailings");
          const wrong = yield* episode.step(call("run_sql", "SELECT name FROM harbours"));
          assert.deepEqual(wrong.observation, [
            {
              role: "tool",
              content: "Error: no such table: harbours",
              toolCallId: "call-1",
              name: "run_sql",
            },
          ]);
          assert.strictEqual(told(wrong), "[tool_error] Error: no such table: harbours");
          const seen = yield* episode.step(call("run_sql", "SELECT name, region FROM ports"));
          assert.match(
            seen.observation[0]!.content,
            /^name \| region\nAldra \| north\n[^]*\(8 rows\)$/,
          );
          const result = yield* episode.step(call("answer", question.sql));
          assert.deepInclude(result, { reward: 1, success: true, status: "terminated" });
          assert.deepEqual(tests(result), ["passed", "passed"]);
        }),
      );
    }),
  );

  it.effect("a query with values taken from results is right here, wrong there, and told so", () =>
    Effect.gen(function* () {
      const { answer, open, question } = yield* task(
        ({ template }) => template === "average-delay",
      );
      const value = yield* Effect.scoped(
        Effect.flatMap(open, (episode) =>
          Effect.map(
            episode.step(call("run_sql", question.sql)),
            ({ observation }) => observation[0]!.content.split("\n")[1],
          ),
        ),
      );
      const result = yield* answer(`SELECT ${value}`);
      assert.deepInclude(result, { reward: 0, success: false });
      assert.deepEqual(tests(result), ["passed", "failed"]);
      assert.include(told(result), "not on another one with the same tables and other rows");
      assert.isUndefined(result.tests?.[1]?.expected);
    }),
  );

  it.effect(
    "a wrong query is shown the rows that are missing and those that should not be there",
    () =>
      Effect.gen(function* () {
        const { answer } = yield* task(({ template }) => template === "built-before");
        const result = yield* answer("SELECT name FROM ports");
        assert.deepEqual(tests(result), ["failed", "skipped"]);
        assert.match(
          told(result),
          /expected: \(\w+\)[^]*got: \(Aldra\)[^]*message: Expected \d+ rows, got 8\. Missing: \(/,
        );
        assert.include(told(result), "Not expected: (Aldra) (Brekk) (Corvin) and 5 more.");
      }),
  );

  it.effect("a query that SQLite refuses is told SQLite's words", () =>
    Effect.gen(function* () {
      const { answer } = yield* task();
      const result = yield* answer("SELECT nam FROM ports");
      assert.deepInclude(result, { reward: 0, parse: "malformed" });
      assert.include(told(result), "message: no such column: nam");
      const writing = yield* answer("DELETE FROM bookings");
      assert.include(told(writing), "not authorized (the database can be read and nothing else)");
    }),
  );

  it.effect("a query without an end is stopped, and the next one runs", () =>
    Effect.gen(function* () {
      const { answer, question } = yield* task();
      const result = yield* answer(
        "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT COUNT(*) FROM c",
      );
      assert.deepEqual(tests(result), ["timeout", "skipped"]);
      assert.include(told(result), "interrupted: the query was not done after 1000 ms");
      assert.strictEqual((yield* answer(question.sql)).reward, 1);
    }),
  );

  it.effect("all episodes are over with their turns", () =>
    Effect.gen(function* () {
      const { open } = yield* task();
      const over = yield* Effect.scoped(
        Effect.gen(function* () {
          const episode = yield* open;
          for (let turn = 0; turn < 3; turn++) yield* episode.step({ content: "Hm.", stop: "eos" });
          return yield* episode.step(call("run_sql", "SELECT 1"));
        }),
      );
      assert.deepInclude(over, { status: "truncated", reward: 0, parse: "no_answer" });
      assert.include(told(over), "not ended within 4 turns");
    }),
  );
});

withLayer(sql.layer({ ...options, glossary: false, shownRows: 2 }), { excludeTestServices: true })(
  "env-sql with options",
  (it) => {
    it.effect("the glossary is left out and few rows are shown, if that is asked for", () =>
      Effect.gen(function* () {
        const { open } = yield* task();
        const episode = yield* open;
        assert.notInclude(episode.initial[0]!.content, "Revenue is");
        const { observation } = yield* episode.step(call("run_sql", "SELECT id FROM ports"));
        assert.strictEqual(observation[0]!.content, "id\n1\n2\n(8 rows, the first 2 shown)");
      }).pipe(Effect.scoped),
    );

    it.effect("more questions than there are is an error that says so", () =>
      Effect.gen(function* () {
        const many = Effect.flatMap(Environment, ({ tasks }) => tasks("test").get(5000));
        const error = yield* Effect.flip(
          Effect.provide(many, sql.layer({ ...options, testSize: 10_000 })),
        );
        assert.match(error.message, /Expected 10000 questions for "test", got \d+/);
      }),
    );
  },
);
