/** One question, one answer, and words about what was wrong. Put your task, your prompt and your grader in their places. */
import * as Core from "@resd/core";
import { Effect, Schema } from "effect";

const Task = Schema.Struct({ start: Schema.Int, step: Schema.Int });
type Task = typeof Task.Type;

const termOf = ({ start, step }: Task, index: number): number => start + index * step;
const problemOf = (task: Task): string =>
  `Which number continues ${[0, 1, 2, 3].map((index) => termOf(task, index)).join(" ")}?`;

const grade = (task: Task, { content, stop }: Core.Action): Core.Graded => {
  const failed = (parse: Core.ParseOutcome, kind: Core.FeedbackPart["kind"], text: string) => {
    const feedback = { parts: [{ kind, text }], leakage: "none" as const };
    return { reward: 0, success: false, parse, feedback };
  };
  const text = content.trim();
  if (stop === "max_tokens") return failed("malformed", "truncated", "The answer was cut off.");
  if (text === "") return failed("no_answer", "format", "Answer with one number.");
  if (!/^\d{1,9}$/.test(text)) return failed("malformed", "format", "Answer with a number only.");
  const error = Number(text) - termOf(task, 4);
  if (error === 0) return { reward: 1, success: true, parse: "ok" };
  return failed("ok", "wrong_answer", `${text} is too ${error < 0 ? "low" : "high"}.`);
};

export const { manifest, Options, layer } = Core.defineEnvironment({
  manifest: {
    apiVersion: "resd/1",
    id: "sample-plugin",
    turns: "single",
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: 128, license: "Apache-2.0" },
      heldOut: { size: 32, license: "Apache-2.0" },
    },
    feedback: { tests: false, leakage: "none", maxChars: 100 },
    needs: [],
    gold: true,
  },
  options: Schema.Struct({}),
  task: Task,
  make: Effect.fnUntraced(function* () {
    const pairs = Array.from({ length: 180 }, (_, i) => ({ start: i % 20, step: 1 + (i % 9) }));
    const rows = Core.makeRandom("sample-plugin", yield* Core.RunSeed)
      .shuffle(pairs)
      .map((task) => ({
        key: `sample-plugin/${task.start}/${task.step}`,
        task,
        problem: problemOf(task),
        gold: { content: String(termOf(task, 4)), stop: "eos" as const },
      }));
    const splits = new Map([
      ["train", rows.slice(0, 128)],
      ["heldOut", rows.slice(128, 160)],
    ]);
    return Core.singleTurn<Task>({
      tasks: (split) => Core.taskSource(splits.get(split) ?? []),
      prompt: (row) => [{ role: "user", content: row.problem }],
      grade: (row, action) => Effect.sync(() => grade(row.task, action)),
    });
  }),
});
