/** The parts of a linear policy's update: what is refused, what is reported, what becomes of the teacher. */
import {
  type Objective,
  type SampleReport,
  type TeacherRule,
  type TrainSample,
  distillOf,
  rewardOf,
} from "@resd/core";
import type { SamplePlan } from "@resd/objectives";

/** a − b. */
export const difference = (a: Float64Array, b: Float64Array): Float64Array =>
  a.map((x, i) => x - (b[i] as number));

/** Why a sample cannot be trained on; undefined when it can. */
export const faultOf = ({
  id,
  student,
  teacher,
  mask,
  behaviour,
}: TrainSample): string | undefined => {
  const suffix = student.ids.subarray(student.from);
  if (mask.length !== suffix.length || behaviour.length !== suffix.length) {
    return `Expected ${suffix.length} mask and behaviour values, got ${mask.length} and ${behaviour.length}, at sample ${id}`;
  }
  const theirs = teacher?.ids.subarray(teacher.from);
  return theirs === undefined || theirs.join() === suffix.join()
    ? undefined
    : `Expected the teacher's sequence to end in the student's own tokens, got others, at sample ${id}`;
};

/** Who teaches under an objective: RLSD's teacher is the student, and without a teacher the old one stays as it is. */
export const teacherRule = (objective: Objective): TeacherRule =>
  distillOf(objective)?.teacher ??
  (rewardOf(objective)?.shaping === "rlsd" ? { _tag: "live" } : { _tag: "frozen" });

/** The teacher after an update; objectives without a distillation keep the old one. */
export const nextTeacher = (
  rule: TeacherRule,
  teacher: Float64Array,
  student: Float64Array,
  updates: number,
): Float64Array => {
  switch (rule._tag) {
    case "frozen":
    case "trust-region":
      return teacher;
    case "live":
      return student;
    case "hard-sync":
      return updates % rule.every === 0 ? student : teacher;
    case "ema":
      return teacher.map((x, i) => (1 - rule.rate) * x + rule.rate * (student[i] as number));
  }
};

export const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;

/** What the report says of one sample: `at` is where its tokens begin in its micro-batch. */
export const reportOf = (
  { id }: TrainSample,
  plan: SamplePlan,
  { c, cR }: { readonly c: Float64Array; readonly cR: Float64Array },
  perToken: Readonly<Record<string, ArrayLike<number>>>,
  at: number,
): SampleReport => {
  const trained = Array.from(plan.mask.keys()).filter((t) => plan.mask[t] === 1);
  const read = (name: string, t: number): number => perToken[name]?.[at + t] ?? 0;
  const average = (name: string): number => mean(trained.map((t) => read(name, t)));
  return {
    id,
    loss: trained.reduce(
      (sum, t) =>
        sum + (c[t] as number) * read("loss", t) + (cR[t] as number) * read("rewardLoss", t),
      0,
    ),
    tokens: trained.length,
    divergence: average("divergence"),
    studentEntropy: average("studentEntropy"),
    teacherEntropy: average("teacherEntropy"),
    clampedFraction: average("clamped"),
    ...(distillOf(plan.objective) === undefined
      ? {}
      : {
          logRatio: Float32Array.from(
            trained,
            (t) => read("teacherLogProb", t) - read("logProb", t),
          ),
        }),
  };
};
