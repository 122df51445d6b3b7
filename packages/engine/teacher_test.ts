import { assert, describe, it } from "@effect/vitest";
import type { Distill, TeacherRule } from "@resd/core";
import { makeInterpreterCompute } from "@resd/testing";
import { Effect } from "effect";
import { getArrays } from "./arrays.ts";
import { makeTrainee, trainSample } from "./fixtures/trainee.ts";
import { runUpdate } from "./update.ts";

const BATCH = [trainSample("a", 5, 7), trainSample("b", 9, 4)];

/** Weights of student and teacher before and after each of `count` updates under a rule. */
const trajectory = (teacher: TeacherRule, count: number) =>
  Effect.gen(function* () {
    const compute = makeInterpreterCompute();
    const trainee = yield* makeTrainee(compute);
    const objective: Distill = {
      _tag: "Distill",
      alpha: 0,
      support: { _tag: "full" },
      aggregation: "token-mean",
      teacher,
    };
    const students = [yield* getArrays(compute, trainee.student)];
    const teachers = [students[0]!];
    const drifts: Array<number> = [];
    for (let i = 0; i < count; i++) {
      const report = yield* runUpdate(trainee, BATCH, objective, { lr: 0.02 });
      drifts.push(report.teacherDrift);
      students.push(yield* getArrays(compute, trainee.student));
      teachers.push(yield* getArrays(compute, trainee.teacher.arrays() ?? trainee.student));
    }
    return { students, teachers, drifts };
  });

type Weights = ReadonlyMap<string, Float32Array>;
const distance = (a: Weights, b: Weights): number =>
  Math.sqrt(
    [...a].reduce(
      (sum, [name, values]) =>
        sum + values.reduce((all, value, i) => all + (value - b.get(name)![i]!) ** 2, 0),
      0,
    ),
  );

describe("teacher", () => {
  it.effect(
    "ema: teacher ← (1 − rate)·teacher + rate·student, with the student after the step",
    () =>
      Effect.gen(function* () {
        const rate = 0.3;
        const { students, teachers, drifts } = yield* trajectory({ _tag: "ema", rate }, 4);
        for (const [name, initial] of students[0]!) {
          const expected = Float64Array.from(initial);
          students.slice(1).forEach((student, step) => {
            student.get(name)!.forEach((value, i) => {
              expected[i] = (1 - rate) * expected[i]! + rate * value;
            });
            teachers[step + 1]!.get(name)!.forEach((value, i) =>
              assert.approximately(value, expected[i]!, 1e-6),
            );
          });
        }
        drifts.forEach((drift, i) =>
          assert.approximately(drift, distance(students[i + 1]!, teachers[i + 1]!), 1e-5),
        );
      }),
  );

  it.effect("frozen: stays the student of before the first update, and the drift grows", () =>
    Effect.gen(function* () {
      const { students, teachers, drifts } = yield* trajectory({ _tag: "frozen" }, 3);
      for (const teacher of teachers) assert.strictEqual(distance(teacher, students[0]!), 0);
      assert.isTrue(drifts.every((drift, i) => drift > (drifts[i - 1] ?? 0)));
    }),
  );

  it.effect("live: is the student, always", () =>
    Effect.gen(function* () {
      const { students, teachers, drifts } = yield* trajectory({ _tag: "live" }, 2);
      teachers.forEach((teacher, i) => assert.strictEqual(distance(teacher, students[i]!), 0));
      assert.deepStrictEqual(drifts, [0, 0]);
    }),
  );

  it.effect("hard-sync: copies the student after every n-th update and rests in between", () =>
    Effect.gen(function* () {
      const { students, teachers } = yield* trajectory({ _tag: "hard-sync", every: 2 }, 5);
      [0, 0, 2, 2, 4, 4].forEach((source, i) =>
        assert.strictEqual(distance(teachers[i]!, students[source]!), 0),
      );
    }),
  );
});
