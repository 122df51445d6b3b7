/** The environment reflects on attempts at its own tasks. */
import {
  type Attempt,
  Environment,
  type Reflection,
  Reflector,
  ReflectorError,
  type TaskRow,
  type View,
  decodeOptions,
  noModelUse,
} from "@resd/core";
import { Effect, Layer, Result, Schema } from "effect";

export const Options = Schema.Struct({
  /** How many tasks of an infinite split are looked through for the one that an attempt names. */
  searched: Schema.Int.check(Schema.isGreaterThan(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(100_000)),
  ),
});

/** An attempt at a task that the environment does not have. */
const UNKNOWN: Reflection = { text: "", tags: [], parse: "skipped" };

/**
 * Finds tasks by their keys. Splits are read in order, and no further than needed; what was read is remembered. Tasks that
 * the environment cannot give are passed over: the run reports them.
 */
const makeFinder = (
  environment: Environment["Service"],
  searched: number,
): ((key: string) => Effect.Effect<TaskRow<unknown> | undefined>) => {
  const found = new Map<string, TaskRow<unknown>>();
  const splits = Object.keys(environment.manifest.splits).map((name) => {
    const source = environment.tasks(name);
    return { source, end: source.size === "infinite" ? searched : source.size, next: 0 };
  });
  return Effect.fnUntraced(function* (key: string) {
    for (const split of splits) {
      while (!found.has(key) && split.next < split.end) {
        const got = yield* Effect.result(split.source.get(split.next++));
        if (Result.isSuccess(got)) found.set(got.success.key, got.success);
      }
    }
    return found.get(key);
  });
};

/**
 * A reflector that asks the environment and no model. Tags name entries of the view alone, whatever the rules say.
 * Building it fails for an environment without rules of its own.
 */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Reflector,
    Effect.gen(function* () {
      const { searched } = yield* decodeOptions("reflector-rules", Options, options);
      const environment = yield* Environment;
      const { manifest, reflect } = environment;
      if (reflect === undefined) {
        return yield* new ReflectorError({
          message: `Expected an environment that reflects by rules of its own, got ${manifest.id}, which has none; choose another reflector, such as --reflector self`,
        });
      }
      const find = makeFinder(environment, searched);

      const reflectOn = Effect.fnUntraced(function* (
        { id, taskKey, actions, results }: Attempt,
        view: View,
      ): Effect.fn.Return<Reflection, ReflectorError> {
        const row = yield* find(taskKey);
        if (row === undefined) return UNKNOWN;
        const reflection = yield* Effect.try({
          try: () => reflect(row, actions, results, view),
          catch: (cause) =>
            new ReflectorError({
              message: `Expected rules that have something to say about every attempt, got ${String(cause)}, at attempt ${id} of ${taskKey}; correct reflect() of environment ${manifest.id}`,
            }),
        });
        const known = new Set(view.entries.map((entry) => entry.id));
        return { ...reflection, tags: reflection.tags.filter(({ entry }) => known.has(entry)) };
      });
      const reflectOnAll = (attempts: ReadonlyArray<Attempt>, view: View) =>
        Effect.forEach(attempts, (attempt) => reflectOn(attempt, view));

      return {
        // Rules speak as the tasks of their environment do, which the policy's format can say.
        freeText: false,
        reflect: (failures, view) =>
          Effect.map(reflectOnAll(failures, view), (reflections) => ({
            reflections,
            use: noModelUse,
          })),
        credit: (successes, view) =>
          Effect.map(reflectOnAll(successes, view), (reflections) => ({
            tags: reflections.map(({ tags }) => tags),
            parse: reflections.map(({ parse }) => parse),
            use: noModelUse,
          })),
      };
    }),
  );
