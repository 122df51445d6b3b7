/** Laws of scores: the gold action earns everything, nothing hostile does, and a bad answer is never an error. */
import { isSuccess, passedFraction, stepReward, StepResult, type TaskRow } from "@resd/core";
import { Effect, Equal, Exit, Schema } from "effect";
import { demand, type Law, law, shown } from "../law.ts";
import {
  type Bench,
  type Built,
  HOSTILE,
  play,
  type Played,
  sampleRows,
  tellingTexts,
} from "./bench.ts";

/** Plays a hostile action on every sampled task and looks at the outcome. */
const onEvery = <R, E>(
  bench: Bench<R>,
  name: string,
  look: (played: Played, row: TaskRow<unknown>) => Effect.Effect<unknown, E>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      for (const row of yield* sampleRows(bench, environment)) {
        const action = bench.hostile[name]?.(row);
        if (action !== undefined) yield* look(yield* play(bench, environment, row, action), row);
      }
    }),
  );

/**
 * Plays hostile actions on every sampled task and looks at what came of them. What failed instead is left to
 * `environment.hostile.<name>`, so that one defect is reported by one law.
 */
export const onHostile = <R, E>(
  bench: Bench<R>,
  names: ReadonlyArray<string>,
  look: (played: Played, row: TaskRow<unknown>, name: string) => Effect.Effect<unknown, E>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      for (const row of yield* sampleRows(bench, environment)) {
        for (const name of names) {
          const action = bench.hostile[name]?.(row);
          if (action === undefined) continue;
          const played = yield* Effect.exit(play(bench, environment, row, action));
          if (Exit.isSuccess(played)) yield* look(played.value, row, name);
        }
      }
    }),
  );

/** Plays every sampled task's gold action. */
const onGold = <R, E>(
  bench: Bench<R>,
  look: (played: Played, row: TaskRow<unknown>, environment: Built) => Effect.Effect<unknown, E>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      for (const row of yield* sampleRows(bench, environment)) {
        const { gold } = row;
        yield* demand(
          gold !== undefined,
          "a gold action on every task",
          "a task without one",
          `at ${row.key}: add it, or set gold to false in the manifest`,
        );
        if (gold !== undefined) {
          yield* look(yield* play(bench, environment, row, gold), row, environment);
        }
      }
    }),
  );

const goldLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.gold.maximal",
    "the gold action earns the maximal reward, is a success, and parses",
    onGold(bench, ({ reward, last }, row) =>
      demand(
        reward === bench.manifest.reward.max && isSuccess(last) && last.parse !== "malformed",
        `reward ${bench.manifest.reward.max} and success`,
        { reward, success: isSuccess(last), parse: last.parse },
        `at ${row.key}: gold, grader or reward.max is wrong`,
      ),
    ),
  ),
  law(
    "environment.gold.hidden",
    "the gold action is neither in the prompt nor in the problem text",
    onGold(bench, ({ initial }, row) => {
      const seen = [...initial.map((message) => message.content), row.problem].join("\n");
      const told = tellingTexts(row.gold).find((gold) => seen.includes(gold));
      return demand(
        told === undefined,
        "a prompt without its answer",
        seen,
        `at ${row.key}: it contains ${shown(told)}`,
      );
    }),
  ),
];

export const scoreLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => {
  const { min, max } = bench.manifest.reward;
  return [
    ...(bench.manifest.gold ? goldLaws(bench) : []),
    ...Object.keys(bench.hostile).map((name) =>
      law(
        `environment.hostile.${name}`,
        `the answer "${name}" scores below the maximum within the range, without an error`,
        onEvery(bench, name, ({ reward, last }, row) =>
          Effect.gen(function* () {
            yield* demand(
              reward >= min && reward < max && !isSuccess(last),
              `${min} ≤ reward < ${max} and no success`,
              { reward, success: isSuccess(last) },
              `at ${row.key}`,
            );
            yield* demand(
              !(name in HOSTILE) || last.status === "running" || last.parse !== "ok",
              "a parse outcome other than ok",
              last.parse,
              `at ${row.key}: say no_answer, malformed or not_applicable, so that a broken grader can be seen`,
            );
          }),
        ),
      ),
    ),
    law(
      "environment.near-miss.below",
      "answers that are almost right score below the maximum and are no success",
      Effect.scoped(
        Effect.gen(function* () {
          const environment = yield* bench.build;
          for (const row of yield* sampleRows(bench, environment)) {
            for (const action of bench.nearMisses(row)) {
              const { reward, last } = yield* play(bench, environment, row, action);
              yield* demand(
                reward >= min && reward < max && !isSuccess(last),
                `${min} ≤ reward < ${max} and no success`,
                { reward, success: isSuccess(last), action: action.content },
                `at ${row.key}: the tests cannot tell this answer from the gold one`,
              );
            }
          }
        }),
      ),
    ),
    law(
      "environment.results.json",
      "every step result survives JSON",
      onHostile(bench, Object.keys(bench.hostile), ({ results }, row) =>
        Effect.forEach(results, (result) =>
          Effect.flatMap(
            Schema.decodeUnknownEffect(StepResult, { onExcessProperty: "error" })(
              JSON.parse(JSON.stringify(result)),
            ),
            (back) =>
              demand(
                Equal.equals(back, result),
                "a result equal to itself after JSON",
                result,
                `at ${row.key}: rollout files hold exactly this; leave undefined keys out`,
              ),
          ),
        ),
      ),
    ),
    law(
      "environment.results.tests",
      "test ids are unique, feedback and shown cases name existing tests, and the reward policies agree with the tests",
      onHostile(bench, Object.keys(bench.hostile), ({ results }, row) =>
        Effect.forEach(results, (result) => checkTests(bench, result, row.key)),
      ),
    ),
  ];
};

const checkTests = <R>(bench: Bench<R>, result: StepResult, key: string) =>
  Effect.gen(function* () {
    const ids = (result.tests ?? []).map(({ id }) => id);
    const named = [
      ...(result.cases ?? []),
      ...(result.feedback?.parts ?? []).flatMap(({ testId }) => testId ?? []),
    ];
    yield* demand(
      new Set(ids).size === ids.length && named.every((id) => ids.includes(id)),
      "unique test ids, and no others named",
      { ids, named },
      `at ${key}`,
    );
    yield* demand(
      !bench.manifest.feedback.tests || result.status === "running" || result.tests !== undefined,
      "tests, as the manifest promises",
      "a finished step without tests",
      `at ${key}: report them as failed or skipped, or set feedback.tests to false`,
    );
    const fraction = passedFraction(result);
    if (fraction === undefined) return;
    const all = stepReward("all-pass", result);
    yield* demand(
      fraction >= 0 && fraction <= 1 && (all === 1) === (fraction === 1),
      "a passed share in [0, 1] that is 1 exactly when all tests pass",
      { fraction, all },
      `at ${key}: check weight and score of the tests`,
    );
    yield* demand(
      isSuccess(result) === (all === 1),
      "success exactly when all tests pass",
      { success: result.success, tests: result.tests },
      `at ${key}: leave success out, or count what it counts as a test`,
    );
  });
