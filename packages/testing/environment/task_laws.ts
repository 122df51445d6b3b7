/** Laws of task sources: lazy, pure in the index, with keys that name tasks for good. */
import { Effect, Equal } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type Bench, type Built, rowsOf, sampleRows, spread } from "./bench.ts";

/** Rows read when splits are compared; larger splits are sampled. */
const MOST_COMPARED = 2000;

const identities = (environment: Built, split: string, count: number) =>
  Effect.map(rowsOf(environment, split, count), (rows) =>
    rows.map(({ key, task, problem, gold, tags }) =>
      JSON.stringify({ key, task: environment.encodeTask(task), problem, gold, tags }),
    ),
  );

const normalized = (problem: string): string =>
  problem.toLowerCase().replaceAll(/\s+/g, " ").trim();

/** `train` against every other split, by one property of the rows. */
const disjoint = <R>(
  bench: Bench<R>,
  property: (row: { key: string; problem: string }) => string,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      if (!bench.splits.includes("train")) return;
      const environment = yield* bench.build;
      const train = new Set(
        (yield* rowsOf(environment, "train", MOST_COMPARED)).map((row) => property(row)),
      );
      for (const split of bench.splits.filter((name) => name !== "train")) {
        const shared = (yield* rowsOf(environment, split, MOST_COMPARED)).filter((row) =>
          train.has(property(row)),
        );
        yield* demand(
          shared.length === 0,
          `no task of ${split} in train`,
          `${shared.length} shared, such as ${shared[0]?.key}`,
          "evaluation on trained tasks measures memory: split before sampling",
        );
      }
    }),
  );

export const taskLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.tasks.size",
    "every split has the size that the manifest states",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const split of bench.splits) {
          const stated = bench.manifest.splits[split]?.size;
          const { size } = environment.tasks(split);
          const whole = size === "infinite" || (Number.isInteger(size) && size > 0);
          yield* demand(
            stated === "options" ? whole : size === stated,
            stated === "options" ? "a size ≥ 1 or infinite" : `size ${stated}`,
            size,
            `correct splits.${split}.size in the manifest, or the source`,
          );
        }
      }),
    ),
  ),
  law(
    "environment.tasks.pure",
    "get(index) gives the same row whatever was asked before, and in a new instance",
    Effect.gen(function* () {
      for (const split of bench.splits) {
        const forward = yield* Effect.scoped(
          Effect.gen(function* () {
            const environment = yield* bench.build;
            const first = yield* identities(environment, split, bench.samples);
            const source = environment.tasks(split);
            for (const index of spread(source.size, bench.samples).toReversed()) {
              yield* source.get(index);
            }
            const again = yield* identities(environment, split, bench.samples);
            yield* demand(
              Equal.equals(first, again),
              "equal rows for equal indices",
              `different rows in ${split}`,
              "keep no cursor in the source: derive everything from the index",
            );
            return first;
          }),
        );
        const fresh = yield* Effect.scoped(
          Effect.flatMap(bench.build, (environment) =>
            identities(environment, split, bench.samples),
          ),
        );
        yield* demand(
          Equal.equals(forward, fresh),
          "equal rows in a second instance with the same options",
          `different rows in ${split}`,
          "draw tasks from the run's seed or the options, never from shared state or the clock",
        );
      }
    }),
  ),
  law(
    "environment.tasks.keys",
    "keys are unique within and across splits, and not empty",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const seen = new Map<string, string>();
        for (const split of bench.splits) {
          for (const { key } of yield* rowsOf(environment, split, MOST_COMPARED)) {
            yield* demand(
              key !== "" && !seen.has(key),
              "a key that no other task has",
              key,
              `it is also a task of ${seen.get(key)}: put split and index into the key`,
            );
            seen.set(key, split);
          }
        }
      }),
    ),
  ),
  law(
    "environment.tasks.json",
    "a task survives JSON, and has a problem text",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const encoded = environment.encodeTask(row.task);
          const back: unknown = JSON.parse(JSON.stringify(encoded));
          yield* demand(
            Equal.equals(encoded, back),
            "an encoded task equal to itself after JSON",
            encoded,
            `at ${row.key}: encode dates, sets and undefined in the task's schema`,
          );
          yield* demand(
            row.problem.trim() !== "",
            "a problem text",
            row.problem,
            `at ${row.key}: reflectors read it`,
          );
        }
      }),
    ),
  ),
  law(
    "environment.tasks.range",
    "an index out of range, or an unknown split, fails with an EnvironmentTaskError",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const first = bench.splits[0] as string;
        const { size } = environment.tasks(first);
        const outside = size === "infinite" ? [-1] : [-1, size, size + 1000, 0.5];
        const asked = [
          ...outside.map((index) => [first, index] as const),
          ["a split that no environment has", 0] as const,
        ];
        for (const [split, index] of asked) {
          const outcome = yield* Effect.result(
            Effect.suspend(() => environment.tasks(split).get(index)),
          );
          const tag = outcome._tag === "Failure" ? outcome.failure._tag : "a row";
          yield* demand(
            tag === "EnvironmentTaskError",
            "EnvironmentTaskError",
            tag,
            `at get(${index}) of split "${split}"`,
          );
        }
      }),
    ),
  ),
  law(
    "environment.tasks.disjoint-keys",
    "no task of train is in another split",
    disjoint(bench, ({ key }) => key),
  ),
  law(
    "environment.tasks.disjoint-problems",
    "no problem text of train is in another split, spaces and case aside",
    disjoint(bench, ({ problem }) => normalized(problem)),
  ),
];
