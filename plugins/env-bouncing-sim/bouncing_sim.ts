/** The environment: a scene in, a program out, fifteen times at which it has to know where the balls are. */
import {
  type Action,
  EnvironmentTaskError,
  type FeedbackPart,
  type Graded,
  RunSeed,
  Sandbox,
  type TaskRow,
  type TaskSource,
  defineEnvironment,
  makeRandom,
  singleTurn,
} from "@resd/core";
import { Effect, Schema } from "effect";
import { MAX_CHARS, feedbackOn, notRun } from "./feedback.ts";
import { goldAnswer, problemText, programOf } from "./prompt.ts";
import { LEVELS, type Level, Scene, drawScene } from "./scene.ts";
import { predict } from "./simulate.ts";
import { verify } from "./verify.ts";

const size = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }));

const options = Schema.Struct({
  /** `easy`: 3 balls at 400 to 600 units a second; `medium`: 4 or 5 at 600 to 800. */
  level: Schema.Literals(LEVELS).pipe(Schema.withDecodingDefaultKey(Effect.succeed<Level>("easy"))),
  /** The paper's 640 (easy) or 320 (medium) unless given. */
  trainSize: Schema.optionalKey(size),
  /** The paper's 100 unless given. */
  testSize: size.pipe(Schema.withDecodingDefaultKey(Effect.succeed(100))),
  /** Decides the scenes. Absent: the seed of the run. */
  seed: Schema.optionalKey(Schema.Int),
});

const TRAIN_SIZES: Readonly<Record<Level, number>> = { easy: 640, medium: 320 };

/** The scene, and where its balls are at the times that are asked for. */
const Task = Schema.Struct({
  scene: Scene,
  positions: Schema.Array(Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))),
});
type Task = typeof Task.Type;

/** Scenes are drawn until two step sizes agree on what happens in them. */
const drawTask = (level: Level, seed: number, split: string, index: number): Task => {
  for (let attempt = 0; ; attempt++) {
    const random = makeRandom("bouncing-sim", level, seed, split, index, attempt);
    const scene = drawScene(random, level);
    const positions = predict(scene);
    if (positions !== undefined) return { scene, positions };
  }
};

const sourceOf = (
  { level, trainSize, testSize }: typeof options.Type,
  seed: number,
  split: string,
): TaskSource<Task> => {
  const sizes: Readonly<Record<string, number>> = {
    train: trainSize ?? TRAIN_SIZES[level],
    test: testSize,
  };
  const count = Object.hasOwn(sizes, split) ? sizes[split]! : 0;
  // Simulated when it is asked for, and then not again.
  const rows = new Map<number, TaskRow<Task>>();
  const rowOf = (index: number): TaskRow<Task> => {
    const task = drawTask(level, seed, split, index);
    const row: TaskRow<Task> = {
      key: `bouncing-sim/${level}/${seed}/${split}/${index}`,
      task,
      problem: problemText(task.scene),
      tags: [level],
      gold: { content: goldAnswer(task.positions), stop: "eos" },
    };
    rows.set(index, row);
    return row;
  };
  return {
    size: count,
    get: (index) =>
      Number.isInteger(index) && index >= 0 && index < count
        ? Effect.sync(() => rows.get(index) ?? rowOf(index))
        : Effect.fail(
            new EnvironmentTaskError({
              message: `Expected a task of "${split}" in 0..${count - 1}, got ${index}; the splits are "train" and "test"`,
              taskKey: `${split}/${index}`,
            }),
          ),
  };
};

const NO_PROGRAM: FeedbackPart = {
  kind: "format",
  text: "Expected a program in a block from ```javascript to ```, got an answer without one.",
};
const TOO_LONG: FeedbackPart = {
  kind: "truncated",
  text: "The answer was cut off by its length before its program was closed; think and write less.",
};
const CUT_OFF: FeedbackPart = {
  kind: "truncated",
  text: "The answer was cut off by its length.",
};

const grade = Effect.fnUntraced(function* ({ positions }: Task, { content, stop }: Action) {
  const cut = stop === "max_tokens";
  const code = programOf(content);
  if (code === undefined) {
    const graded: Graded = {
      reward: 0,
      success: false,
      tests: notRun,
      feedback: { parts: [cut ? TOO_LONG : NO_PROGRAM], leakage: "none" },
      parse: "no_answer",
    };
    return graded;
  }
  const { tests, cases, feedback } = feedbackOn(yield* verify(code, positions));
  const success = tests!.every(({ status }) => status === "passed");
  const parts = [...(feedback?.parts ?? []), ...(cut ? [CUT_OFF] : [])];
  const graded: Graded = {
    reward: success ? 1 : 0,
    success,
    tests: tests!,
    ...(success ? {} : { cases: cases!, feedback: { parts, leakage: "partial" as const } }),
    parse: "ok",
  };
  return graded;
});

export const { manifest, Options, layer } = defineEnvironment({
  manifest: {
    apiVersion: "resd/1",
    id: "bouncing-sim",
    turns: "single",
    // All times or nothing; a run that wants the passed share says so itself.
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      test: { size: "options", license: "Apache-2.0" },
    },
    // Of up to three failed times it says where the balls are, on purpose: the teacher learns from it.
    feedback: { tests: true, leakage: "partial", maxChars: MAX_CHARS },
    needs: ["sandbox:js"],
    gold: true,
    preset: "paper/bsim-easy",
  },
  options,
  task: Task,
  make: Effect.fnUntraced(function* (decoded) {
    const seed = decoded.seed ?? (yield* RunSeed);
    const sandbox = yield* Sandbox;
    const sources = new Map(
      ["train", "test"].map((split) => [split, sourceOf(decoded, seed, split)] as const),
    );
    return singleTurn<Task>({
      tasks: (split) => sources.get(split) ?? sourceOf(decoded, seed, split),
      prompt: (row) => [{ role: "user", content: row.problem }],
      grade: (row, action) => Effect.provideService(grade(row.task, action), Sandbox, sandbox),
    });
  }),
});
