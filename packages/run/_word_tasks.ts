/** Tasks that ask for a word: the problem is one word, the answer another. */
import {
  type Environment,
  type TaskRow,
  defineEnvironment,
  singleTurn,
  taskSource,
} from "@resd/core";
import { Effect, Layer, Schema } from "effect";

/** So many tasks of every pair of words. */
export const wordTasks = (
  words: Readonly<Record<string, string>>,
  copies: number,
): Layer.Layer<Environment> => {
  const rows = Object.entries(words).flatMap(([problem, task]) =>
    Array.from({ length: copies }, (_, i): TaskRow<string> => ({
      key: `words/${problem}/${i}`,
      task,
      problem,
    })),
  );
  return defineEnvironment({
    manifest: {
      apiVersion: "resd/1",
      id: "words",
      turns: "single",
      reward: { min: 0, max: 1 },
      determinism: "pure",
      splits: {
        train: { size: rows.length, license: "CC0-1.0" },
        heldOut: { size: rows.length, license: "CC0-1.0" },
      },
      feedback: { tests: false, leakage: "none", maxChars: 100 },
      needs: [],
      gold: false,
    },
    options: Schema.Struct({}),
    task: Schema.String,
    make: () =>
      Effect.succeed(
        singleTurn<string>({
          tasks: () => taskSource(rows),
          prompt: ({ problem }) => [{ role: "user", content: problem }],
          grade: ({ task }, { content }) => {
            const success = content === task;
            return Effect.succeed({ reward: success ? 1 : 0, success, parse: "ok" });
          },
        }),
      ),
  })
    .layer({})
    .pipe(Layer.orDie);
};
