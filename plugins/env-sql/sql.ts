/** The environment: a question, a database to look around in, and a query to hand in. */
import {
  EnvironmentTaskError,
  type EnvironmentShape,
  type EpisodeContext,
  RunSeed,
  type TaskRow,
  type TaskSource,
  defineEnvironment,
} from "@resd/core";
import { ended, failed, told, tool, toolEpisode } from "@resd/env-kit";
import { Effect, Schema } from "effect";
import { type Cell, openDatabase, query } from "./database/open.ts";
import type { Filling } from "./database/protocol.ts";
import { drawRows } from "./database/rows.ts";
import { type Query, makeQueries } from "./database/service.ts";
import { type Expected, MOST_ROWS, NOT_ANSWERED, errorText, gradeQuery } from "./grade.ts";
import { problemText, taskText } from "./prompt.ts";
import { SPLITS, type Split, candidates } from "./questions/candidates.ts";
import { Question } from "./questions/question.ts";
import { resultText } from "./result_text.ts";

const count = (most: number, usual: number) =>
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(usual)),
  );

const options = Schema.Struct({
  trainSize: count(10_000, 192),
  testSize: count(10_000, 48),
  /** Whether the policy is told what the house means by its words. If not, feedback is the only way to find out. */
  glossary: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
  /** Rows that `run_sql` shows. */
  shownRows: count(1000, 20),
  /** Milliseconds that one query may take. */
  queryMillis: count(600_000, 2000),
  /** Queries of all episodes at the same time. */
  processes: count(64, 2),
  /** Decides both databases and the questions. Absent: the seed of the run. */
  seed: Schema.optionalKey(Schema.Int),
});

const QueryArgs = Schema.Struct({
  query: Schema.String.annotate({ description: "One SELECT statement in SQLite's dialect." }),
});

const isTelling = (row: ReadonlyArray<Cell>): boolean =>
  row.some((cell) => cell !== null && cell !== 0);

type Databases = Readonly<Record<keyof Filling, ReturnType<typeof openDatabase>>>;

/** What a question's own query gives, if that can tell right answers from wrong ones. */
const expectedOf = (question: Question, databases: Databases): Expected | undefined => {
  const on = (instance: keyof Databases) => {
    const result = query(databases[instance], question.sql, MOST_ROWS, Infinity);
    return result._tag === "rows" && !result.more && result.rows.some(isTelling)
      ? result
      : undefined;
  };
  const [shown, hidden] = [on("shown"), on("hidden")];
  return shown === undefined ||
    hidden === undefined ||
    JSON.stringify(shown.rows) === JSON.stringify(hidden.rows)
    ? undefined
    : { shown, hidden };
};
/** The same, worked out once for each question. */
const makeExpectations = (databases: Databases) => {
  const known = new Map<string, Expected | undefined>();
  return (question: Question): Expected | undefined => {
    if (!known.has(question.sql)) known.set(question.sql, expectedOf(question, databases));
    return known.get(question.sql);
  };
};
type Expectations = ReturnType<typeof makeExpectations>;

/** Questions of a split whose answers tell, one after another as they are asked for. */
const makeSource = (
  seed: number,
  split: string,
  size: number,
  expectations: Expectations,
): TaskSource<Question> => {
  const rest = candidates(seed, split as Split)[Symbol.iterator]();
  const found: Array<Question> = [];
  const rowOf = (index: number, question: Question): TaskRow<Question> => ({
    key: `sql/${seed}/${split}/${index}`,
    task: question,
    problem: problemText(question.text),
    tags: [question.template],
    gold: {
      content: question.sql,
      toolCalls: [{ id: "gold", name: "answer", arguments: { query: question.sql } }],
      stop: "eos",
    },
  });
  return {
    size,
    get: (index) =>
      Effect.suspend(() => {
        const refuse = (message: string) =>
          Effect.fail(new EnvironmentTaskError({ message, taskKey: `${split}/${index}` }));
        if (!Number.isInteger(index) || index < 0 || index >= size) {
          return refuse(`Expected a task of "${split}" in 0..${size - 1}, got ${index}`);
        }
        while (found.length <= index) {
          const next = rest.next();
          if (next.done === true) {
            return refuse(
              `Expected ${size} questions for "${split}", got ${found.length} that tell right answers from wrong ones; ask for fewer, or take another seed`,
            );
          }
          if (expectations(next.value) !== undefined) found.push(next.value);
        }
        return Effect.succeed(rowOf(index, found[index]!));
      }),
  };
};

const unknownSplit = (split: string): TaskSource<never> => ({
  size: 0,
  get: () =>
    Effect.fail(
      new EnvironmentTaskError({
        message: `Expected the split ${SPLITS.join(" or ")}, got "${split}"; ask for one of these`,
        taskKey: split,
      }),
    ),
});

/** Characters of a result that the policy reads, below what all of a turn may take. */
const MOST_RESULT = 4000;

const openEpisode = (
  { task }: TaskRow<Question>,
  context: EpisodeContext,
  { glossary, shownRows }: typeof options.Type,
  expectations: Expectations,
  run: Query,
) =>
  Effect.gen(function* () {
    const expected = expectations(task);
    if (expected === undefined) {
      return yield* new EnvironmentTaskError({
        message: `Expected a question of this environment, got ${task.text}; open episodes with rows that its tasks gave, under the same seed`,
        taskKey: task.text,
      });
    }
    return toolEpisode({
      initial: [{ role: "user", content: taskText(task.text, glossary) }],
      tools: {
        run_sql: tool({
          description: `Runs one SELECT statement and shows its first ${shownRows} rows.`,
          args: QueryArgs,
          run: ({ query: sql }) =>
            Effect.map(
              run({ instance: "shown", sql, mostRows: Math.max(shownRows, MOST_ROWS) }),
              (result) =>
                result._tag === "error"
                  ? failed(`Error: ${errorText(result.message)}`)
                  : told(resultText(result, shownRows, MOST_RESULT)),
            ),
        }),
        answer: tool({
          description:
            "Hands in the SELECT statement whose rows answer the question. This ends the task.",
          args: QueryArgs,
          run: ({ query: sql }) => Effect.map(gradeQuery(sql, task, expected, run), ended),
        }),
      },
      unfinished: { reward: 0, success: false, tests: NOT_ANSWERED },
      context,
    });
  });

export const { manifest, Options, layer } = defineEnvironment({
  manifest: {
    apiVersion: "resd/1",
    id: "sql",
    turns: "multi",
    reward: { min: 0, max: 1 },
    // As far as a query ends in time and does not ask for the time of day.
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      test: { size: "options", license: "Apache-2.0" },
    },
    // Of a wrong answer it says up to three rows that are missing.
    feedback: { tests: true, leakage: "partial", maxChars: 3000 },
    needs: [],
    gold: true,
    preset: "paper/base",
  },
  options,
  task: Question,
  make: Effect.fnUntraced(function* (decoded) {
    const seed = decoded.seed ?? (yield* RunSeed);
    const filling: Filling = { shown: drawRows(seed, "shown"), hidden: drawRows(seed, "hidden") };
    // Our own queries run here; those of a policy in processes that can be killed.
    const databases = yield* Effect.acquireRelease(
      Effect.sync(() => ({
        shown: openDatabase(filling.shown),
        hidden: openDatabase(filling.hidden),
      })),
      ({ shown, hidden }) =>
        Effect.sync(() => {
          shown.close();
          hidden.close();
        }),
    );
    const expectations = makeExpectations(databases);
    const run = yield* makeQueries({ filling, ...decoded });
    const sources: Readonly<Record<Split, TaskSource<Question>>> = {
      train: makeSource(seed, "train", decoded.trainSize, expectations),
      test: makeSource(seed, "test", decoded.testSize, expectations),
    };
    const shape: EnvironmentShape<Question> = {
      tasks: (split) =>
        Object.hasOwn(sources, split) ? sources[split as Split] : unknownSplit(split),
      open: (row, context) => openEpisode(row, context, decoded, expectations, run),
    };
    return shape;
  }),
});
