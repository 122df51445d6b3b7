/** Text tasks that even a model without any training sometimes solves: an answer counts when there is a vowel in it. */
import {
  type Action,
  EpisodeClosedError,
  type Graded,
  type Manifest,
  type StepResult,
  type TaskRow,
  type TaskSource,
  defineEnvironment,
  singleTurn,
  taskSource,
} from "@resd/core";
import { Effect, Schema } from "effect";

const Task = Schema.Struct({ word: Schema.String });
type Task = typeof Task.Type;

const manifest: Omit<Manifest, "id" | "turns"> = {
  apiVersion: "resd/1",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: {
    train: { size: 2, license: "Apache-2.0" },
    test: { size: 2, license: "Apache-2.0" },
  },
  feedback: { tests: true, leakage: "none", maxChars: 200 },
  needs: [],
  gold: true,
};

const tasks = (split: string): TaskSource<Task> =>
  taskSource(
    (split === "train" ? ["harbour", "lantern"] : ["meadow", "pebble"]).map(
      (word): TaskRow<Task> => ({
        key: `vowels/${split}/${word}`,
        task: { word },
        problem: `Say something about a ${word}.`,
        gold: { content: word, stop: "eos" },
      }),
    ),
  );

const ask = ({ problem }: TaskRow<Task>) => [{ role: "user" as const, content: problem }];

const grade = ({ content }: Action): Graded => {
  const success = /[aeiou]/i.test(content);
  return {
    reward: success ? 1 : 0,
    success,
    tests: [
      {
        id: "vowel",
        visibility: "public",
        status: success ? "passed" : "failed",
        expected: "a vowel",
        actual: "none",
      },
    ],
    ...(success
      ? {}
      : { feedback: { parts: [{ kind: "hint", text: "Words have vowels." }], leakage: "none" } }),
    parse: content === "" ? "no_answer" : "ok",
  };
};

/** One question, one answer. */
export const oneTurn = defineEnvironment({
  manifest: { ...manifest, id: "vowels", turns: "single" },
  options: Schema.Struct({}),
  task: Task,
  make: () =>
    Effect.succeed(
      singleTurn<Task>({
        tasks,
        prompt: ask,
        grade: (_row, action) => Effect.succeed(grade(action)),
      }),
    ),
});

/** The first answer is counted and asked for again; the second one is graded. */
export const twoTurns = defineEnvironment({
  manifest: { ...manifest, id: "vowels-twice", turns: "multi" },
  options: Schema.Struct({}),
  task: Task,
  make: () =>
    Effect.succeed({
      tasks,
      open: (row: TaskRow<Task>, { episodeId }: { readonly episodeId: string }) =>
        Effect.sync(() => {
          let turn = 0;
          const step = Effect.fnUntraced(function* (
            action: Action,
          ): Effect.fn.Return<StepResult, EpisodeClosedError> {
            turn++;
            if (turn > 2) {
              const message = `Expected two steps, got another, at episode ${episodeId}`;
              return yield* new EpisodeClosedError({ message, episodeId });
            }
            if (turn === 2) return { ...grade(action), observation: [], status: "terminated" };
            const content = `These were ${action.content.length} characters. Once more.`;
            return {
              observation: [{ role: "user", content }],
              status: "running",
              reward: 0,
              parse: "not_applicable",
            };
          });
          return { initial: ask(row), step };
        }),
    }),
});
