/**
 * The environment seam: tasks, and single-use episodes that answer actions with rewards, tests and feedback.
 * An environment never sees tokens, templates or models, so the same one runs on every policy.
 */
import { Context, type Duration, Effect, Layer, Schema, type Scope } from "effect";
import type { Action, Message, StepResult, ToolSpec } from "./episode.ts";
import { Leakage } from "./episode.ts";
import type { View } from "./playbook.ts";
import { PluginOptionsError, decodeOptions } from "./plugin.ts";
import type { Reflection } from "./reflection.ts";

/** Static facts of an environment, also in its package.json under `resd`: readable without running the package. */
export const Manifest = Schema.Struct({
  apiVersion: Schema.Literal("resd/1"),
  /** `name` or `scope/name`; the version is the npm version. */
  id: Schema.NonEmptyString,
  turns: Schema.Literals(["single", "multi"]),
  /** Of a whole episode; higher is better, always. */
  reward: Schema.Struct({ min: Schema.Finite, max: Schema.Finite }),
  /** Of the grader, given task, seed and actions. */
  determinism: Schema.Literals(["pure", "seeded", "stochastic"]),
  splits: Schema.Record(
    Schema.String,
    Schema.Struct({
      size: Schema.Union([Schema.Int, Schema.Literal("infinite"), Schema.Literal("options")]),
      license: Schema.String,
      source: Schema.optionalKey(Schema.String),
    }),
  ),
  feedback: Schema.Struct({ tests: Schema.Boolean, leakage: Leakage, maxChars: Schema.Int }),
  needs: Schema.Array(
    Schema.Literals(["sandbox:js", "sandbox:python", "sandbox:shell", "network", "judge", "files"]),
  ),
  /** Whether every task carries a gold action; the laws then require the maximal reward for it. */
  gold: Schema.Boolean,
  /** The preset a run uses when the user names none. */
  preset: Schema.optionalKey(Schema.String),
});
export type Manifest = typeof Manifest.Type;

/** Our fault: retried if `retryable`, then the sample is masked with the reason `none:environment-error`. */
export class EnvironmentInfraError extends Schema.TaggedError<EnvironmentInfraError>()(
  "EnvironmentInfraError",
  { message: Schema.String, retryable: Schema.Boolean },
) {}
/** The data's fault: the task is dropped and reported once. */
export class EnvironmentTaskError extends Schema.TaggedError<EnvironmentTaskError>()(
  "EnvironmentTaskError",
  { message: Schema.String, taskKey: Schema.String },
) {}
/** A step after the episode's end. */
export class EpisodeClosedError extends Schema.TaggedError<EpisodeClosedError>()(
  "EpisodeClosedError",
  { message: Schema.String, episodeId: Schema.String },
) {}

/** Everything that can go wrong in an environment; a wrong answer cannot. */
export type EnvironmentError = EnvironmentInfraError | EnvironmentTaskError | EpisodeClosedError;

/** One task with what the run may know of it. */
export interface TaskRow<Task> {
  /** Unique, and stable across processes and versions with the same data. */
  readonly key: string;
  readonly task: Task;
  /** Plain text of the problem, for reflectors, playbook retrieval and de-duplication. */
  readonly problem: string;
  readonly tags?: ReadonlyArray<string>;
  /** An action that earns the maximal reward. The laws play it; training reads it only where a run asks for it (`goldSolution`). */
  readonly gold?: Action;
}

/** A split: lazy, pure in the index, without a hidden cursor. */
export interface TaskSource<Task> {
  readonly size: number | "infinite";
  readonly get: (index: number) => Effect.Effect<TaskRow<Task>, EnvironmentError>;
}

/** What an episode is given when it is opened: its identity, its randomness and its limits. */
export interface EpisodeContext {
  readonly episodeId: string;
  /** The only allowed source of randomness. */
  readonly seed: number;
  /** This episode is the `index`-th of `size` rollouts of its task. */
  readonly group: { readonly index: number; readonly size: number };
  readonly limits: {
    readonly maxTurns: number;
    readonly stepTimeout: Duration.Duration;
    readonly maxObservationChars: number;
  };
}

/** One attempt at one task. Single-use; everything it holds dies with its Scope. */
export interface Episode {
  readonly initial: ReadonlyArray<Message>;
  readonly tools?: ReadonlyArray<ToolSpec>;
  readonly step: (action: Action) => Effect.Effect<StepResult, EnvironmentError>;
}

/** The behaviour of an environment over its own task type. */
export interface EnvironmentShape<Task> {
  readonly tasks: (split: string) => TaskSource<Task>;
  readonly open: (
    row: TaskRow<Task>,
    context: EpisodeContext,
  ) => Effect.Effect<Episode, EnvironmentError, Scope.Scope>;
  /** For scores that need all siblings (pairwise judges, diversity): added to each episode's last reward. */
  readonly gradeGroup?: (
    last: ReadonlyArray<StepResult>,
  ) => Effect.Effect<ReadonlyArray<number>, EnvironmentError>;
  /**
   * A reflection by the environment's own rules, on failures and successes, for reflectors that ask no model. It may use
   * whatever the environment knows, so it is held to say what is true; entries of `view` that it judges get their tags.
   */
  readonly reflect?: (
    row: TaskRow<Task>,
    actions: ReadonlyArray<Action>,
    results: ReadonlyArray<StepResult>,
    view?: View,
  ) => Reflection;
}

/** The environment of a run, with the task type erased: rows cross this seam and are handed back to `open`. */
export class Environment extends Context.Service<
  Environment,
  EnvironmentShape<unknown> & {
    readonly manifest: Manifest;
    /** JSON form of a task, for hashing and rollout files. */
    readonly encodeTask: (task: unknown) => unknown;
  }
>()("@resd/core/Environment") {}

/** What an author writes. `make` may use a Scope and further services (Sandbox, FileSystem …). */
export interface EnvironmentSpec<Options extends Schema.Top, Task extends Schema.Top, R> {
  readonly manifest: Manifest;
  readonly options: Options;
  readonly task: Task;
  readonly make: (
    options: Options["Type"],
  ) => Effect.Effect<EnvironmentShape<Task["Type"]>, EnvironmentError, R>;
}

/** What an environment plugin's `mod.ts` exports. */
export interface EnvironmentPlugin<Options extends Schema.Top, R> {
  readonly manifest: Manifest;
  readonly Options: Options;
  readonly layer: (
    options: Options["Encoded"],
  ) => Layer.Layer<Environment, EnvironmentError | PluginOptionsError, Exclude<R, Scope.Scope>>;
}

/**
 * The one way to make an environment plugin.
 *
 * @example
 * ```ts
 * export const { manifest, Options, layer } = defineEnvironment({ manifest: {…}, options, task, make });
 * ```
 */
export const defineEnvironment = <
  Options extends Schema.Codec<unknown, unknown>,
  Task extends Schema.Codec<unknown, unknown>,
  R = never,
>(
  spec: EnvironmentSpec<Options, Task, R>,
): EnvironmentPlugin<Options, R> => ({
  manifest: spec.manifest,
  Options: spec.options,
  layer: (options) =>
    Layer.effect(
      Environment,
      Effect.gen(function* () {
        const decoded = yield* decodeOptions(`env-${spec.manifest.id}`, spec.options, options);
        const shape = yield* spec.make(decoded);
        const encode = Schema.encodeSync(spec.task);
        return Environment.of({
          ...(shape as EnvironmentShape<unknown>),
          manifest: spec.manifest,
          encodeTask: (task) => encode(task),
        });
      }),
    ),
});

/** What a grader says of one answer; `singleTurn` adds the rest. */
export type Graded = Omit<StepResult, "observation" | "status">;

/** An environment whose episodes are one question and one answer: the author gives prompt and grader. */
export const singleTurn = <Task>(spec: {
  readonly tasks: (split: string) => TaskSource<Task>;
  readonly prompt: (row: TaskRow<Task>) => ReadonlyArray<Message>;
  readonly grade: (
    row: TaskRow<Task>,
    action: Action,
    context: EpisodeContext,
  ) => Effect.Effect<Graded, EnvironmentError>;
}): EnvironmentShape<Task> => ({
  tasks: spec.tasks,
  open: (row, context) =>
    Effect.sync(() => {
      let closed = false;
      return {
        initial: spec.prompt(row),
        step: (action) =>
          Effect.suspend(() => {
            if (closed) {
              return Effect.fail(
                new EpisodeClosedError({
                  message: `Expected one step in a single-turn episode, got another in ${context.episodeId}`,
                  episodeId: context.episodeId,
                }),
              );
            }
            closed = true;
            return Effect.map(spec.grade(row, action, context), (graded): StepResult => ({
              ...graded,
              observation: [],
              status: "terminated",
            }));
          }),
      };
    }),
});

/** A finite split over rows that lie in memory. */
export const taskSource = <Task>(rows: ReadonlyArray<TaskRow<Task>>): TaskSource<Task> => ({
  size: rows.length,
  get: (index) => {
    const row = rows[index];
    return row === undefined
      ? Effect.fail(
          new EnvironmentTaskError({
            message: `Expected a task index in 0..${rows.length - 1}, got ${index}`,
            taskKey: String(index),
          }),
        )
      : Effect.succeed(row);
  },
});
