/** The environment of the test world: tasks such as "say train3", whose last answer has to be the word. */
import {
  Environment,
  type EnvironmentError,
  EnvironmentTaskError,
  type Manifest,
  type StepResult,
  type TaskRow,
} from "@resd/core";
import { Effect } from "effect";
import type { WorldNotes, WorldOptions } from "./_world_options.ts";

/** The environment; what it opens, steps and closes is logged. */
export const makeWorldEnvironment = (options: WorldOptions, { log }: WorldNotes) => {
  const counts = new Map<string, number>();
  const counted = (name: string): number => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts.get(name)!;
  };
  const turns = options.turns ?? 1;
  const keyOf = options.keyOf ?? ((split, place) => `${split}${place}`);
  const manifest: Manifest = {
    apiVersion: "resd/1",
    id: "words",
    turns: turns === 1 ? "single" : "multi",
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      heldOut: { size: "options", license: "Apache-2.0" },
    },
    feedback: { tests: true, leakage: "partial", maxChars: 100 },
    needs: [],
    gold: false,
    ...options.manifest,
  };
  return Environment.of({
    manifest,
    encodeTask: (task) => task,
    tasks: (split) => ({
      size: split === "train" ? (options.train ?? 4) : (options.heldOut ?? 2),
      get: (place) =>
        Effect.suspend(() => {
          const key = keyOf(split, place);
          const error = options.failing?.("get", key, counted(`get ${key}`));
          const row: TaskRow<unknown> = { key, task: place, problem: `say ${key}` };
          return error === undefined ? Effect.succeed(row) : Effect.fail(error);
        }),
    }),
    open: (row, context) =>
      Effect.gen(function* () {
        const error = options.failing?.("open", row.key, counted(`open ${row.key}`));
        if (error !== undefined) return yield* error;
        log.push(`open ${row.key} ${context.group.index}/${context.group.size}`);
        yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`close ${row.key}`)));
        let steps = 0;
        return {
          initial: [{ role: "user" as const, content: `say ${row.key}` }],
          step: (action) =>
            Effect.suspend((): Effect.Effect<StepResult, EnvironmentError> => {
              const count = counted(`step ${row.key}`);
              const failure = options.failing?.("step", row.key, count);
              if (failure !== undefined) return Effect.fail(failure);
              log.push(`step ${row.key} ${action.content}`);
              steps++;
              const passed = action.content === row.key;
              const last = steps === turns;
              const result: StepResult = {
                observation: last ? [] : [{ role: "user", content: `heard ${action.content}` }],
                status: last ? "terminated" : "running",
                reward: last && passed ? 1 : 0,
                ...(last
                  ? {
                      success: passed,
                      tests: [
                        {
                          id: "1",
                          visibility: "public",
                          status: passed ? "passed" : "failed",
                          input: row.key,
                          actual: action.content,
                        },
                      ],
                    }
                  : {}),
                parse: action.content === "" ? "no_answer" : "ok",
              };
              return options.onStep?.(result, row.key, count) ?? Effect.succeed(result);
            }),
        };
      }),
    ...(options.gradeGroup === undefined
      ? {}
      : { gradeGroup: (last) => Effect.succeed(options.gradeGroup!(last)) }),
  });
};

/** The data's fault at a task. */
export const brokenTask = (taskKey: string): EnvironmentTaskError =>
  new EnvironmentTaskError({ message: `Task ${taskKey} is broken`, taskKey });
