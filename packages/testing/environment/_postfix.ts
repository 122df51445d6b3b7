/** An environment that keeps all laws, and ways to break each: arithmetic in postfix notation. */
import {
  type Action,
  EnvironmentInfraError,
  EnvironmentTaskError,
  type EnvironmentError,
  type EnvironmentShape,
  type EpisodeContext,
  type FeedbackPart,
  type Graded,
  type Manifest,
  type Message,
  type TaskRow,
  type TaskSource,
  type TestCase,
  defineEnvironment,
  quote,
  singleTurn,
} from "@resd/core";
import { Effect, Schema, type Scope } from "effect";

const Task = Schema.Struct({ factor: Schema.Int, offset: Schema.Int });
export type Task = typeof Task.Type;

/** Value of a postfix expression over x: words are x, whole numbers, + and *. */
const evaluate = (source: string, x: number): number | string => {
  const stack: Array<number> = [];
  for (const word of source.slice(0, 1000).trim().split(/\s+/).slice(0, 64)) {
    if (word === "x") stack.push(x);
    else if (/^\d{1,6}$/.test(word)) stack.push(Number(word));
    else {
      const b = stack.pop();
      const a = stack.pop();
      if (a === undefined || b === undefined) return `nothing to combine at "${quote(word, 12)}"`;
      if (word === "+") stack.push(a + b);
      else if (word === "*") stack.push(a * b);
      else return `unknown word "${quote(word, 12)}"`;
    }
  }
  return stack.length === 1 ? (stack[0] as number) : `${stack.length} values left`;
};

/** The points at which an answer is tested; the last is hidden. */
const POINTS = [0, 1, 1000];

export const testsOf = (row: TaskRow<Task>, action: Action): ReadonlyArray<TestCase> =>
  POINTS.map((x, k): TestCase => {
    const { factor, offset } = row.task;
    const value = evaluate(action.content, x);
    const wanted = factor * x + offset;
    return {
      id: String(k),
      visibility: k === 2 ? "hidden" : "public",
      status: value === wanted ? "passed" : typeof value === "string" ? "error" : "failed",
      input: `x = ${x}`,
      expected: String(wanted),
      ...(typeof value === "string" ? { message: value } : { actual: String(value) }),
    };
  });

export const grade = (row: TaskRow<Task>, action: Action): Graded => {
  const tests = testsOf(row, action);
  const success = tests.every(({ status }) => status === "passed");
  if (success) return { reward: 1, success, tests, parse: "ok" };
  const malformed = tests.every(({ status }) => status === "error");
  const parts: ReadonlyArray<FeedbackPart> = [
    ...(malformed ? [{ kind: "format" as const, text: "Not a postfix expression." }] : []),
    ...(action.stop === "max_tokens"
      ? [{ kind: "truncated" as const, text: "The answer was cut off." }]
      : []),
    { kind: "hint", text: "Combine x with whole numbers." },
  ];
  return {
    reward: tests.filter(({ status }) => status === "passed").length / tests.length,
    success,
    tests,
    feedback: { leakage: "none", parts },
    parse: malformed ? "malformed" : "ok",
  };
};

/** A result with one more remark. */
export const remarking = (graded: Graded, text: string): Graded => ({
  ...graded,
  feedback: {
    leakage: "none",
    parts: [...(graded.feedback?.parts ?? []), { kind: "hint", text }],
  },
});

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "postfix",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: {
    train: { size: "infinite", license: "CC0-1.0" },
    heldOut: { size: 10, license: "CC0-1.0" },
  },
  feedback: { tests: true, leakage: "none", maxChars: 600 },
  needs: [],
  gold: true,
};

/** Everything of the environment that a defect may replace. */
export interface Parts {
  readonly manifest: Manifest;
  readonly options: Schema.Codec<unknown, unknown>;
  readonly task: Schema.Codec<Task, unknown>;
  /** The n-th of all tasks, as a row of a split. */
  readonly row: (split: string, index: number, n: number) => TaskRow<Task>;
  /** Where the tasks of a split begin among all tasks. */
  readonly firsts: Readonly<Record<string, number>>;
  readonly source: (source: TaskSource<Task>) => TaskSource<Task>;
  readonly prompt: (row: TaskRow<Task>) => ReadonlyArray<Message>;
  readonly grade: (
    row: TaskRow<Task>,
    action: Action,
    context: EpisodeContext,
  ) => Graded | Effect.Effect<Graded, EnvironmentError>;
  readonly shape: (
    shape: EnvironmentShape<Task>,
  ) => Effect.Effect<EnvironmentShape<Task>, never, Scope.Scope>;
}

export const sound: Parts = {
  manifest,
  options: Schema.Struct({}),
  task: Task,
  row: (split, index, n) => ({
    key: `postfix/${split}/${index}`,
    task: { factor: n + 2, offset: n },
    problem: `Write f(x) = ${n + 2} x + ${n} in postfix.`,
    gold: { content: `x ${n + 2} * ${n} +`, stop: "eos" },
  }),
  firsts: { train: 10, heldOut: 0 },
  source: (source) => source,
  prompt: (row) => [{ role: "user", content: row.problem }],
  grade,
  shape: Effect.succeed,
};

const MOST = 2 ** 40;

/** The environment, with some of its parts replaced. */
export const postfix = (change: Partial<Parts> = {}) => {
  const parts = { ...sound, ...change };
  return defineEnvironment({
    manifest: parts.manifest,
    options: parts.options,
    task: parts.task,
    make: () =>
      Effect.suspend(() =>
        parts.shape(
          singleTurn<Task>({
            tasks: (split) => {
              const first = parts.firsts[split];
              const size = first === undefined ? 0 : split === "train" ? MOST : 10;
              return parts.source({
                size: size === MOST ? "infinite" : size,
                get: (index) =>
                  Effect.suspend(() =>
                    Number.isInteger(index) && index >= 0 && index < size
                      ? Effect.succeed(parts.row(split, index, (first ?? 0) + index))
                      : Effect.fail(
                          new EnvironmentTaskError({
                            message: `Expected a task of ${split}, got ${index}`,
                            taskKey: split,
                          }),
                        ),
                  ),
              });
            },
            prompt: parts.prompt,
            grade: (row, action, context) =>
              Effect.suspend(() => {
                const graded = parts.grade(row, action, context);
                return Effect.isEffect(graded) ? graded : Effect.succeed(graded);
              }),
          }),
        ),
      ),
  });
};

export const infra = (message: string) => new EnvironmentInfraError({ message, retryable: false });

/** A gold answer with another factor: right where x is 0, and nowhere else. */
export const nearMisses = (row: TaskRow<unknown>): ReadonlyArray<Action> => {
  const { factor, offset } = row.task as Task;
  return [{ content: `x ${factor + 1} * ${offset} +`, stop: "eos" }];
};
