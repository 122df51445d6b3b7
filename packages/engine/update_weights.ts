/** Which weights the programs of an update read. */
import type { Arr, Objective } from "@resd/core";
import { type Arrays, prefixed } from "./arrays.ts";
import type { Teacher } from "./teacher.ts";
import { readsTeacher, teacherRate } from "./update_program.ts";

/**
 * `s/…` student, `t/…` teacher where the objective's has weights of its own, `frozen/…` what an adapter leaves as it is,
 * and the rate of a trust-region teacher.
 */
export const weightsFor = (
  {
    frozen,
    student,
    teacher,
  }: { readonly frozen: Arrays; readonly student: Arrays; readonly teacher: Teacher },
  objective: Objective,
): Readonly<Record<string, Arr | Float32Array>> => {
  const rate = teacherRate(objective);
  return {
    ...prefixed("frozen/", frozen),
    ...prefixed("s/", student),
    ...(readsTeacher(objective) ? prefixed("t/", teacher.arrays() ?? student) : {}),
    ...(rate === undefined ? {} : { "teacher/rate": Float32Array.of(rate) }),
  };
};
