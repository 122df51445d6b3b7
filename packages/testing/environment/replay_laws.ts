/** Laws of determinism: the same actions come to the same, in any order, beside others, now or later. */
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  type Bench,
  type ContextSettings,
  WRONG,
  comparable,
  play,
  rowText,
  sampleRows,
  someAction,
} from "./bench.ts";

interface Pass extends ContextSettings {
  readonly backwards?: boolean;
  readonly together?: boolean;
}

/**
 * Plays every sampled task in a new instance, with its gold action, where it has one, and with a wrong one. Gives the
 * results in the order of the tasks, in whatever order they were played.
 */
const pass = <R>(bench: Bench<R>, { backwards, together, ...settings }: Pass = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      const rows = yield* sampleRows(bench, environment);
      const plays = rows.flatMap((row) =>
        [someAction(row), WRONG].map((action) =>
          Effect.map(play(bench, environment, row, action, settings), ({ results }) =>
            comparable(results),
          ),
        ),
      );
      const results = yield* Effect.all(backwards === true ? plays.toReversed() : plays, {
        concurrency: together === true ? "unbounded" : 1,
      });
      return backwards === true ? results.toReversed() : results;
    }),
  );

/**
 * What the sampled tasks are and what their plays come to, as text: equal for equal instances, in this process and in
 * another.
 */
export const recordPlays = <R>(bench: Bench<R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      const rows = yield* sampleRows(bench, environment);
      return [...rows.map((row) => rowText(environment, row)), ...(yield* pass(bench))];
    }),
  );

const demandEqual = (
  expected: ReadonlyArray<string>,
  actual: ReadonlyArray<string>,
  hint: string,
) =>
  Effect.forEach(actual, (results, i) =>
    demand(results === expected[i], expected[i] ?? "", results, hint),
  );

export const replayLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => {
  // What is not even the same twice is a matter of environment.replay.same alone.
  const reproducible = Effect.gen(function* () {
    const [once, twice] = [yield* pass(bench), yield* pass(bench)];
    return once.join() === twice.join() ? once : undefined;
  });
  const laws = [
    law(
      "environment.episode.parallel",
      "episodes played at the same time, or in another order, come to the same",
      Effect.gen(function* () {
        const expected = yield* reproducible;
        if (expected === undefined) return;
        const hint = "episodes share state: keep it inside `open`";
        yield* demandEqual(expected, yield* pass(bench, { together: true }), hint);
        yield* demandEqual(expected, yield* pass(bench, { backwards: true }), hint);
      }),
    ),
    law(
      "environment.replay.same",
      "recorded actions replayed in a new instance give the same rewards, tests and feedback",
      Effect.gen(function* () {
        yield* demandEqual(
          yield* pass(bench),
          yield* pass(bench),
          "grade from the task, the action and context.seed only",
        );
      }),
    ),
  ];
  if (bench.manifest.determinism !== "pure") return laws;
  return [
    ...laws,
    law(
      "environment.determinism.pure",
      "under another seed the same actions come to the same, as the manifest says",
      Effect.gen(function* () {
        const expected = yield* reproducible;
        if (expected === undefined) return;
        yield* demandEqual(
          expected,
          yield* pass(bench, { seed: 4321 }),
          'leave context.seed alone, or say determinism "seeded" in the manifest',
        );
      }),
    ),
  ];
};
