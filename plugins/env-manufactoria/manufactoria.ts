/** The environment: a property of tapes in, a program out, and about two dozen tapes to test it on. */
import {
  type Action,
  defineEnvironment,
  EnvironmentTaskError,
  type FeedbackPart,
  type Graded,
  singleTurn,
  type TaskRow,
  type TaskSource,
} from "@resd/core";
import { Effect, Result, Schema } from "effect";
import { programBlock } from "./answer.ts";
import {
  type Criterion,
  FAMILIES,
  type FamilyName,
  HAS_FAMILIES,
  splitCriteria,
  TapeTest,
  tapeTests,
} from "./criteria/mod.ts";
import { MAX_CHARS, testCases } from "./feedback.ts";
import { parseProgram, programText } from "./language/mod.ts";
import { promptText } from "./manual.ts";
import { verify } from "./verify.ts";

const options = Schema.Struct({
  /** What is asked for; the paper's three families unless given. */
  families: Schema.NonEmptyArray(Schema.Literals(FAMILIES)).pipe(
    Schema.withDecodingDefaultKey(
      Effect.succeed(HAS_FAMILIES as readonly [FamilyName, ...ReadonlyArray<FamilyName>]),
    ),
  ),
});

/** Everything that grading needs: no gold program, and no predicate. */
const Task = Schema.Struct({
  family: Schema.Literals(FAMILIES),
  criterion: Schema.String,
  tests: Schema.Array(TapeTest),
});
type Task = typeof Task.Type;

const rowOf = (criterion: Criterion): TaskRow<Task> => ({
  key: `manufactoria/${criterion.family}/${criterion.id}`,
  task: { family: criterion.family, criterion: criterion.sentence, tests: tapeTests(criterion) },
  problem: promptText(criterion.sentence),
  tags: [criterion.family],
  gold: {
    content: `\`\`\`manufactoria\n${programText(criterion.gold())}\n\`\`\``,
    stop: "eos",
  },
});

/** Rows are made when they are asked for: only their names are held. */
const sourceOf = (criteria: ReadonlyArray<Criterion>, split: string): TaskSource<Task> => ({
  size: criteria.length,
  get: (index) => {
    const criterion = criteria[index];
    return criterion === undefined
      ? Effect.fail(
          new EnvironmentTaskError({
            message: `Expected a task of "${split}" in 0..${criteria.length - 1}, got ${index}; the splits are "train" and "test"`,
            taskKey: `${split}/${index}`,
          }),
        )
      : Effect.sync(() => rowOf(criterion));
  },
});

const NO_BLOCK: FeedbackPart = {
  kind: "format",
  text: "Expected a program in a block from ```manufactoria to ```, got an answer without one.",
};
const TOO_LONG: FeedbackPart = {
  kind: "truncated",
  text: "The answer was cut off by its length before its program was closed; think and write less.",
};
const CUT_OFF: FeedbackPart = {
  kind: "truncated",
  text: "The answer was cut off by its length.",
};

/** No test was run. */
const unread = (
  { tests }: Task,
  parse: "no_answer" | "malformed",
  parts: ReadonlyArray<FeedbackPart>,
): Graded => ({
  reward: 0,
  success: false,
  tests: tests.map((_, i) => ({ id: String(i + 1), visibility: "public", status: "skipped" })),
  feedback: { parts, leakage: "none" },
  parse,
});

const grade = (task: Task, { content, stop }: Action): Graded => {
  const cut = stop === "max_tokens";
  const text = programBlock(content);
  if (text === undefined) return unread(task, "no_answer", [cut ? TOO_LONG : NO_BLOCK]);
  const program = parseProgram(text);
  const parts = cut ? [CUT_OFF] : [];
  if (Result.isFailure(program)) {
    const error: FeedbackPart = { kind: "compile_error", text: program.failure.message };
    return unread(task, "malformed", [error, ...parts]);
  }
  const verdicts = verify(program.success, task.tests);
  const success = verdicts.every(({ passed }) => passed);
  const feedback = success ? {} : { feedback: { parts, leakage: "none" as const } };
  const tests = testCases(program.success, verdicts, feedback);
  return { reward: success ? 1 : 0, success, ...tests, ...feedback, parse: "ok" };
};

export const { manifest, Options, layer } = defineEnvironment({
  manifest: {
    apiVersion: "resd/1",
    id: "manufactoria",
    turns: "single",
    // All tests or nothing; a run that wants the passed share says so itself.
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      test: { size: "options", license: "Apache-2.0" },
    },
    // Tapes and what the answer did with them: never a part of another program.
    feedback: { tests: true, leakage: "none", maxChars: MAX_CHARS },
    needs: [],
    gold: true,
    preset: "paper/manufactoria",
  },
  options,
  task: Task,
  make: ({ families }) =>
    Effect.sync(() => {
      const splits = new Map(Object.entries(splitCriteria(families)));
      return singleTurn<Task>({
        tasks: (split) => sourceOf(splits.get(split) ?? [], split),
        prompt: (row) => [{ role: "user", content: row.problem }],
        grade: (row, action) => Effect.sync(() => grade(row.task, action)),
      });
    }),
});
