/** Laws of task sources: lazy, pure in the index, with keys that name tasks for good. */
import { Effect, Equal } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  type Bench,
  type Built,
  WRONG,
  play,
  rowText,
  rowsOf,
  sampleRows,
  someAction,
  spread,
} from "./bench.ts";

/** Indices of a split without an end at which tasks are drawn as well. */
const FAR = [1_000_000, 2 ** 31 + 1];

/** Rows read when splits are compared; larger splits are sampled. */
const MOST_COMPARED = 2000;

const identities = (environment: Built, split: string, count: number) =>
  Effect.map(rowsOf(environment, split, count), (rows) =>
    rows.map((row) => rowText(environment, row)),
  );

const normalized = (problem: string): string =>
  problem.toLowerCase().replaceAll(/\s+/g, " ").trim();

/** Compares one property of the rows of `splits` with those of all other splits. */
const disjoint = <R>(
  bench: Bench<R>,
  splits: ReadonlyArray<string>,
  property: (row: { key: string; problem: string }) => string,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      for (const split of splits) {
        const known = new Set(
          (yield* rowsOf(environment, split, MOST_COMPARED)).map((row) => property(row)),
        );
        for (const other of bench.splits) {
          if (other === split) continue;
          const shared = (yield* rowsOf(environment, other, MOST_COMPARED)).filter((row) =>
            known.has(property(row)),
          );
          yield* demand(
            shared.length === 0,
            `no task of ${other} in ${split}`,
            `${shared.length} shared, such as ${shared[0]?.key}`,
            "evaluation on trained tasks measures memory: split before sampling",
          );
        }
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
    "keys are unique within a split, and not empty",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const split of bench.splits) {
          const seen = new Set<string>();
          for (const { key } of yield* rowsOf(environment, split, MOST_COMPARED)) {
            yield* demand(
              key !== "" && !seen.has(key),
              "a key that no other task has",
              key,
              `another task of ${split} has it: put what makes a task into its key`,
            );
            seen.add(key);
          }
        }
      }),
    ),
  ),
  law(
    "environment.tasks.lazy",
    "a split without an end has tasks of their own far out",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const split of bench.splits) {
          const source = environment.tasks(split);
          if (source.size !== "infinite") continue;
          const near = new Set(
            (yield* rowsOf(environment, split, MOST_COMPARED)).map(({ key }) => key),
          );
          for (const index of FAR) {
            const { key } = yield* source.get(index);
            yield* demand(
              !near.has(key),
              "a key that no other task has",
              key,
              `at get(${index}) of ${split}: draw the task from its index, without a period`,
            );
            near.add(key);
          }
        }
      }),
    ),
  ),
  law(
    "environment.tasks.untouched",
    "a task is the same after it was played",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const before = rowText(environment, row);
          for (const action of [WRONG, someAction(row)]) {
            yield* Effect.exit(play(bench, environment, row, action));
          }
          yield* demand(
            rowText(environment, row) === before,
            before,
            rowText(environment, row),
            "a row may be played many times at once: copy what an episode changes",
          );
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
          const back: unknown = JSON.parse(JSON.stringify(encoded) ?? "null");
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
    "no task of a split is in another split",
    disjoint(bench, bench.splits, ({ key }) => key),
  ),
  law(
    "environment.tasks.disjoint-problems",
    "no problem text of train is in another split, spaces and case aside",
    disjoint(bench, bench.splits.includes("train") ? ["train"] : [], ({ problem }) =>
      normalized(problem),
    ),
  ),
];
