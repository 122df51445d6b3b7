import {
  type Action,
  defineEnvironment,
  EnvironmentInfraError,
  EnvironmentTaskError,
  type EnvironmentShape,
  type Graded,
  type Manifest,
  singleTurn,
  type TaskRow,
  type TestCase,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { environmentLaws } from "./environment_laws.ts";
import { checkLaws } from "./law.ts";
import { registerLaws } from "./register_laws.ts";

/** Which promise the environment breaks. */
type Defect =
  | "none"
  | "leaks"
  | "throws"
  | "hidden-told"
  | "cursor"
  | "shared-tasks"
  | "shared-state"
  | "long-feedback"
  | "no-feedback"
  | "gold-in-prompt"
  | "reusable"
  | "undefined-key"
  | "generous";

const Task = Schema.Struct({ factor: Schema.Int, offset: Schema.Int });
type Task = typeof Task.Type;

/** Value of a postfix expression over x: words are x, whole numbers, + and *. */
const evaluate = (source: string, x: number): number | string => {
  const stack: Array<number> = [];
  for (const word of source.slice(0, 1000).trim().split(/\s+/).slice(0, 64)) {
    if (word === "x") stack.push(x);
    else if (/^\d{1,6}$/.test(word)) stack.push(Number(word));
    else {
      const b = stack.pop();
      const a = stack.pop();
      if (a === undefined || b === undefined) return `nothing to combine at "${word.slice(0, 12)}"`;
      if (word === "+") stack.push(a + b);
      else if (word === "*") stack.push(a * b);
      else return `unknown word "${word.slice(0, 12)}"`;
    }
  }
  return stack.length === 1 ? (stack[0] as number) : `${stack.length} values left`;
};

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "postfix",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: {
    train: { size: 20, license: "CC0-1.0" },
    heldOut: { size: 10, license: "CC0-1.0" },
  },
  feedback: { tests: true, leakage: "none", maxChars: 600 },
  needs: [],
  gold: true,
};

const grade = (row: TaskRow<Task>, action: Action, defect: Defect): Graded => {
  const { factor, offset } = row.task;
  const tests = [0, 1, 1000].map((x, k): TestCase => {
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
  const success = tests.every(({ status }) => status === "passed");
  if (success || defect === "generous") return { reward: 1, success: true, tests, parse: "ok" };
  const malformed = tests.every(({ status }) => status === "error");
  const told = {
    leaks: `The answer is ${row.gold?.content}.`,
    "hidden-told": `It fails for ${tests[2]?.input}, where ${tests[2]?.expected} is wanted.`,
    "long-feedback": action.content.repeat(2),
  } as Partial<Record<Defect, string>>;
  const parts = [
    ...(malformed ? [{ kind: "format" as const, text: "Not a postfix expression." }] : []),
    ...(action.stop === "max_tokens"
      ? [{ kind: "truncated" as const, text: "The answer was cut off." }]
      : []),
    { kind: "hint" as const, text: told[defect] ?? "Combine x with whole numbers." },
  ];
  const graded = {
    reward: tests.filter(({ status }) => status === "passed").length / tests.length,
    success,
    parse: malformed ? ("malformed" as const) : ("ok" as const),
  };
  if (defect === "no-feedback") return graded;
  const feedback = { leakage: "none" as const, parts };
  return defect === "undefined-key"
    ? ({ ...graded, tests, feedback, metrics: undefined } as unknown as Graded)
    : { ...graded, tests, feedback };
};

const behaviour = (defect: Defect): EnvironmentShape<Task> => {
  let asked = 0;
  let graded = 0;
  const outside = (split: string, index: number) =>
    new EnvironmentTaskError({
      message: `Expected a task of ${split}, got ${index}`,
      taskKey: split,
    });
  const single = singleTurn<Task>({
    tasks: (split) => {
      const size = split === "train" ? 20 : split === "heldOut" ? 10 : 0;
      const first = split === "train" || defect === "shared-tasks" ? 0 : 100;
      return {
        size,
        get: (index) =>
          Effect.suspend(() => {
            if (!Number.isInteger(index) || index < 0 || index >= size) {
              return Effect.fail(outside(split, index));
            }
            const n = first + index + (defect === "cursor" ? asked++ : 0);
            return Effect.succeed({
              key: `postfix/${split}/${index}`,
              task: { factor: n + 2, offset: n },
              problem: `Write f(x) = ${n + 2} x + ${n} in postfix.`,
              gold: { content: `x ${n + 2} * ${n} +`, stop: "eos" },
            });
          }),
      };
    },
    prompt: (row) => [
      {
        role: "user",
        content: row.problem + (defect === "gold-in-prompt" ? row.gold?.content : ""),
      },
    ],
    grade: (row, action) =>
      Effect.suspend((): Effect.Effect<Graded, EnvironmentInfraError> => {
        if (defect === "throws" && action.content === "") {
          return Effect.fail(new EnvironmentInfraError({ message: "empty", retryable: false }));
        }
        const result = grade(row, action, defect);
        return Effect.succeed(
          defect === "shared-state" ? { ...result, metrics: { graded: graded++ } } : result,
        );
      }),
  });
  if (defect !== "reusable") return single;
  return {
    ...single,
    open: (row) =>
      Effect.succeed({
        initial: [{ role: "user" as const, content: row.problem }],
        step: (action) =>
          Effect.succeed({
            ...grade(row, action, "none"),
            observation: [],
            status: "terminated" as const,
          }),
      }),
  };
};

const postfix = (defect: Defect = "none") =>
  defineEnvironment({
    manifest,
    options: Schema.Struct({}),
    task: Task,
    make: () => Effect.sync(() => behaviour(defect)),
  });

const nearMisses = (row: TaskRow<unknown>): ReadonlyArray<Action> => {
  const { factor, offset } = row.task as Task;
  return [{ content: `x ${factor + 1} * ${offset} +`, stop: "eos" }];
};

describe("environmentLaws()", () => {
  describe("hold for an environment without defects", () => {
    registerLaws(environmentLaws(postfix(), {}, { nearMisses }));
  });

  const caught: ReadonlyArray<readonly [Exclude<Defect, "none">, string]> = [
    ["leaks", "environment.feedback.leakage"],
    ["throws", "environment.hostile.empty"],
    ["hidden-told", "environment.feedback.hidden"],
    ["cursor", "environment.tasks.pure"],
    ["shared-tasks", "environment.tasks.disjoint-problems"],
    ["shared-state", "environment.episode.parallel"],
    ["long-feedback", "environment.feedback.bounded"],
    ["no-feedback", "environment.feedback.present"],
    ["gold-in-prompt", "environment.gold.hidden"],
    ["reusable", "environment.episode.closed"],
    ["undefined-key", "environment.results.json"],
    ["generous", "environment.near-miss.below"],
  ];
  it.live.each(caught)("catch the defect %s by the law %s", ([defect, id]) =>
    Effect.gen(function* () {
      const report = yield* checkLaws(environmentLaws(postfix(defect), {}, { nearMisses }));
      const broken = report.filter(({ passed }) => !passed);
      assert.include(
        broken.map((result) => result.id),
        id,
      );
      for (const { expected, actual, hint } of broken) {
        assert.isOk(expected && actual && hint);
      }
    }),
  );

  it("leave out gold laws when the manifest promises no gold", () => {
    const plugin = { ...postfix(), manifest: { ...manifest, gold: false } };
    const ids = environmentLaws(plugin, {}).map(({ id }) => id);
    assert.isFalse(ids.some((id) => id.startsWith("environment.gold")));
    assert.strictEqual(new Set(ids).size, ids.length);
  });
});
