/** Environments of one question and one answer, whose tasks are drawn. */
import {
  type EnvironmentError,
  EnvironmentInfraError,
  type EnvironmentPlugin,
  EnvironmentTaskError,
  type EpisodeContext,
  type Leakage,
  type Manifest,
  type Random,
  RunSeed,
  type TaskRow,
  type TaskSource,
  defineEnvironment,
  singleTurn,
  taskSource,
} from "@resd/core";
import { Effect, Schema } from "effect";
import { distinctTasks, endlessTasks } from "./drawn_tasks.ts";
import { type Reader, readText } from "./read_answer.ts";
import { type Verdict, gradeAnswer } from "./verdict.ts";

/** A verdict now, or later: as a promise or as an effect. */
export type Later<E, R> =
  | Verdict
  | PromiseLike<Verdict>
  | Effect.Effect<Verdict, EnvironmentError | E, R>;

/** What all questions have, wherever their tasks come from. */
export interface Asking<Task, Answer, R = never> {
  /** Names the environment, and begins every key. */
  readonly id: string;
  /** SPDX name of the licence of the tasks. */
  readonly license: string;
  /** What the policy reads; the problem text unless given. */
  readonly prompt?: (task: Task) => string;
  /** An answer that is right. With it the laws can show that the grader works. */
  readonly gold?: (task: Task) => string;
  /** Reads the answer out of what was written; all of it unless given. */
  readonly read?: Reader<Answer>;
  readonly grade: (answer: Answer, task: Task, context: EpisodeContext) => Later<never, R>;
  /** Whether verdicts have tests; false unless given. */
  readonly tests?: boolean;
  /** Whether feedback gives answers away; `none` unless given. */
  readonly leakage?: Leakage;
  /** Most characters of feedback; 1000 unless given. */
  readonly maxFeedbackChars?: number;
  /** Whether the grader depends on the seed, or on more than task, seed and answer; `pure` unless given. */
  readonly determinism?: Manifest["determinism"];
  /** What grading needs of the run. */
  readonly needs?: Manifest["needs"];
}

/** Questions whose tasks are drawn. */
export interface Questions<Task, Answer, Options extends Schema.Struct.Fields, R> extends Asking<
  Task,
  Answer,
  R
> {
  /** Options of the plugin's own, such as a difficulty. */
  readonly options?: Options;
  /** JSON form of a task; as it is unless given. */
  readonly task?: Schema.Codec<Task, unknown>;
  /** Draws a task. All randomness comes from `random`. */
  readonly draw: (random: Random, options: Schema.Struct<Options>["Type"]) => Task;
  /** The problem as plain text. What it says decides whether a task is trained on or held out. */
  readonly problem: (task: Task) => string;
  /** Number of tasks, where the options name none: 256 to train on and 64 held out unless given. */
  readonly sizes?: { readonly train?: number | "endless"; readonly test?: number };
}

const atLeastOne = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }));

/** Options that all drawn questions have. */
const sizeOptions = {
  /** Tasks to train on; absent: the plugin's own number. */
  trainSize: Schema.optionalKey(Schema.Union([atLeastOne, Schema.Literal("endless")])),
  /** Tasks held out; absent: the plugin's own number. */
  testSize: Schema.optionalKey(atLeastOne),
  /** Names the tasks; absent: the seed of the run. */
  seed: Schema.optionalKey(Schema.Int),
};
type SizeOptions = typeof sizeOptions;

const settled = <R>(later: Later<never, R>): Effect.Effect<Verdict, EnvironmentError, R> => {
  if (Effect.isEffect(later)) return later;
  if (typeof later !== "object" || !("then" in later)) return Effect.succeed(later);
  return Effect.tryPromise({
    try: () => Promise.resolve(later),
    catch: (error) =>
      new EnvironmentInfraError({
        message: error instanceof Error ? error.message : String(error),
        retryable: false,
      }),
  });
};

/** The manifest of questions. */
export const manifestOf = <Task, Answer, R>(
  asking: Asking<Task, Answer, R>,
  sizes: Readonly<Record<string, number | "infinite" | "options">>,
): Manifest => ({
  apiVersion: "resd/1",
  id: asking.id,
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: asking.determinism ?? "pure",
  splits: Object.fromEntries(
    Object.entries(sizes).map(([split, size]) => [split, { size, license: asking.license }]),
  ),
  feedback: {
    tests: asking.tests ?? false,
    leakage: asking.leakage ?? "none",
    maxChars: asking.maxFeedbackChars ?? 1000,
  },
  needs: asking.needs ?? [],
  gold: asking.gold !== undefined,
});

/** A row of a task, with its gold action where the asking has one. */
export const rowOf = <Task, Answer, R>(
  { gold }: Asking<Task, Answer, R>,
  key: string,
  task: Task,
  problem: string,
): TaskRow<Task> => ({
  key,
  task,
  problem,
  ...(gold === undefined ? {} : { gold: { content: gold(task), stop: "eos" } }),
});

const unknownSplit = (split: string, known: ReadonlyArray<string>): TaskSource<never> => ({
  size: 0,
  get: () =>
    Effect.fail(
      new EnvironmentTaskError({
        message: `Expected one of the splits ${known.join(", ")}, got ${split}; ask for one of them`,
        taskKey: split,
      }),
    ),
});

/** The behaviour of questions over the sources of their splits. */
export const askingShape = <Task, Answer, R>(
  asking: Asking<Task, Answer, R>,
  manifest: Manifest,
  sources: Readonly<Record<string, TaskSource<Task>>>,
) =>
  Effect.map(Effect.context<R>(), (services) =>
    singleTurn<Task>({
      tasks: (split) => sources[split] ?? unknownSplit(split, Object.keys(sources)),
      prompt: (row) => [{ role: "user", content: asking.prompt?.(row.task) ?? row.problem }],
      grade: (row, action, context) =>
        gradeAnswer(
          action,
          row.key,
          asking.read ?? (readText as unknown as Reader<Answer>),
          (answer) =>
            Effect.suspend(() => settled(asking.grade(answer, row.task, context))).pipe(
              Effect.provideContext(services),
            ),
          manifest.feedback,
        ),
    }),
  );

/**
 * An environment from a generator of tasks and a grading function. Training never meets a problem that is held out: the
 * text of a problem decides on which side it is.
 *
 * @example
 * ```ts
 * export const { manifest, Options, layer } = questions({
 *   id: "sums",
 *   license: "CC0-1.0",
 *   draw: (random) => [random.int(100), random.int(100)] as const,
 *   problem: ([a, b]) => `What is ${a} + ${b}?`,
 *   gold: ([a, b]) => String(a + b),
 *   read: readNumber,
 *   grade: (sum, [a, b]) => sum === a + b || `It is not ${sum}.`,
 * });
 * ```
 */
export const questions = <
  Task,
  Answer = string,
  const Options extends Schema.Struct.Fields = {},
  R = never,
>(
  spec: Questions<Task, Answer, Options, R>,
): EnvironmentPlugin<Schema.Struct<Options & SizeOptions>, R> => {
  const { id, sizes = {} } = spec;
  const manifest = manifestOf(spec, {
    train: "options",
    test: "options",
  });
  const options = Schema.Struct({ ...spec.options, ...sizeOptions } as Options & SizeOptions);
  return defineEnvironment({
    manifest,
    options: options as unknown as Schema.Codec<
      Schema.Struct<SizeOptions>["Type"],
      Schema.Struct<Options & SizeOptions>["Encoded"]
    >,
    task: spec.task ?? (Schema.Unknown as unknown as Schema.Codec<Task, unknown>),
    make: Effect.fnUntraced(function* (decoded) {
      const tasks = {
        id,
        seed: decoded.seed ?? (yield* RunSeed),
        draw: (random: Random) =>
          spec.draw(random, decoded as unknown as Schema.Struct<Options>["Type"]),
        row: (key: string, task: Task) => rowOf(spec, key, task, spec.problem(task)),
      };
      const trainSize = decoded.trainSize ?? sizes.train ?? 256;
      const testSize = decoded.testSize ?? sizes.test ?? 64;
      return yield* askingShape(spec, manifest, {
        train:
          trainSize === "endless"
            ? endlessTasks(tasks, "train")
            : taskSource(yield* distinctTasks(tasks, "train", trainSize)),
        test: taskSource(yield* distinctTasks(tasks, "test", testSize)),
      });
    }),
  }) as unknown as EnvironmentPlugin<Schema.Struct<Options & SizeOptions>, R>;
};
