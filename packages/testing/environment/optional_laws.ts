/** Laws of what an environment may bring besides episodes: grades of whole groups, and reflections of its own. */
import { Reflection } from "@resd/core";
import { Effect, Schema } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type Bench, WRONG, play, sampleRows, someAction, tellingTexts } from "./bench.ts";

export const optionalLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.group.grades",
    "a grade of a group, where there is one, has a finite number for every sibling, of one or of many",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        if (environment.gradeGroup === undefined) return;
        for (const row of yield* sampleRows(bench, environment)) {
          const actions = [WRONG, someAction(row), WRONG];
          const played = yield* Effect.forEach(actions, (action) =>
            play(bench, environment, row, action),
          );
          for (const size of [1, actions.length]) {
            const grades = yield* environment.gradeGroup(
              played.slice(0, size).map(({ last }) => last),
            );
            yield* demand(
              grades.length === size && grades.every((grade) => Number.isFinite(grade)),
              `${size} finite numbers`,
              grades,
              `at ${row.key}: they are added to the last rewards of the siblings, in their order`,
            );
          }
        }
      }),
    ),
  ),
  law(
    "environment.reflection.valid",
    "a reflection of the environment, where there is one, says something about every failure and not the answer",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        if (environment.reflect === undefined) return;
        for (const row of yield* sampleRows(bench, environment)) {
          for (const hostile of Object.values(bench.hostile)) {
            const action = hostile(row);
            const { results } = yield* play(bench, environment, row, action);
            const actions = results.map(() => action);
            const reflection = yield* Schema.decodeUnknownEffect(Reflection, { errors: "all" })(
              environment.reflect(row, actions, results),
            );
            yield* demand(
              reflection.text.trim() !== "" &&
                (bench.manifest.feedback.leakage === "answer" ||
                  !tellingTexts(row.gold).some((gold) => reflection.text.includes(gold))),
              "a text without the gold action",
              reflection,
              `at ${row.key}: it is read by the teacher`,
            );
          }
        }
      }),
    ),
  ),
];
