/** Loss, statistics and gradient of a few samples under a linear policy, in double precision. */
import { type Objective, type TrainSample, distillOf } from "@resd/core";
import {
  READINGS,
  type SamplePlan,
  type TokenReadings,
  tokenLosses,
  tokenReadings,
} from "@resd/objectives";
import {
  add,
  gradient,
  graph,
  input,
  interpret,
  matMul,
  mul,
  sum,
  type Tensor,
} from "@resd/tensor";
import { features } from "./features.ts";

/** Student and teacher weights [2V,V]. */
export interface LinearWeights {
  readonly student: Float64Array;
  readonly teacher: Float64Array;
}

export interface MicroBatch {
  /** Σ c·ℓ. */
  readonly loss: number;
  /** [2V,V]. */
  readonly gradient: Float64Array;
  /** Statistics by name, one value per suffix token, samples one after another. */
  readonly perToken: Readonly<Record<string, ArrayLike<number>>>;
}

const joined = (parts: ReadonlyArray<ArrayLike<number>>): Float64Array =>
  Float64Array.from(parts.flatMap((part) => Array.from(part)));

const suffixLengths = (samples: ReadonlyArray<TrainSample>): number =>
  samples.reduce((total, { mask }) => total + mask.length, 0);

/** Both models as tensors: samples without a teacher's sequence have the student's there. */
const models = (N: number, V: number) => {
  const student = input("student", [2 * V, V]);
  return {
    weights: student,
    student: matMul(input("x", [N, 2 * V]), student),
    teacher: matMul(input("xT", [N, 2 * V]), input("teacher", [2 * V, V])),
    tokens: input("tokens", [N], "i32"),
  };
};

const inputsOf = (samples: ReadonlyArray<TrainSample>, weights: LinearWeights, V: number) => {
  const side = (of: "student" | "teacher"): Float64Array =>
    joined(
      samples.map((sample) => {
        const { ids, from } = sample[of] ?? sample.student;
        return features(ids, from, V);
      }),
    );
  return {
    student: weights.student,
    teacher: weights.teacher,
    x: side("student"),
    xT: side("teacher"),
    tokens: joined(samples.map(({ student: { ids, from } }) => ids.subarray(from))),
  };
};

/** What the models say of every suffix token, for objectives that ask. */
export const readSamples = (
  samples: ReadonlyArray<TrainSample>,
  objective: Objective,
  weights: LinearWeights,
  V: number,
): ReadonlyArray<TokenReadings> => {
  const N = suffixLengths(samples);
  const { weights: _, ...both } = models(N, V);
  const readings = tokenReadings({ ...both, objective });
  const program = graph(Object.fromEntries(READINGS.map((name) => [name, readings[name]])));
  const values = interpret(program, inputsOf(samples, weights, V));
  let at = 0;
  return samples.map(({ mask }) => {
    const start = at;
    at += mask.length;
    const read = (name: string) => Float64Array.from(values[name] ?? []).subarray(start, at);
    return {
      logProb: read("logProb"),
      teacherLogProb: read("teacherLogProb"),
      studentEntropy: read("studentEntropy"),
      teacherEntropy: read("teacherEntropy"),
      fullTeacherEntropy: read("fullTeacherEntropy"),
    };
  });
};

/** The coefficients of a sample's losses, by part: of an objective with one loss all are the first's. */
export const partsOf = (objective: Objective, plan: SamplePlan) => {
  const nothing = new Float64Array(plan.coefficients.length);
  return objective._tag === "Mixture" && distillOf(plan.objective) === undefined
    ? { c: nothing, cR: plan.coefficients }
    : { c: plan.coefficients, cR: plan.rewardCoefficients ?? nothing };
};

/** `plans` are those of the samples, from the whole batch. */
export const runMicroBatch = (
  samples: ReadonlyArray<TrainSample>,
  plans: ReadonlyArray<SamplePlan>,
  objective: Objective,
  weights: LinearWeights,
  V: number,
): MicroBatch => {
  const N = suffixLengths(samples);
  const { weights: student, ...both } = models(N, V);
  const { rewardLoss, ...outputs } = tokenLosses({
    ...both,
    objective,
    behaviour: input("behaviour", [N]),
    advantage: input("advantage", [N]),
  });
  const own = sum(mul(outputs.loss, input("c", [N])));
  const total = rewardLoss === undefined ? own : add(own, sum(mul(rewardLoss, input("cR", [N]))));
  const program = graph({
    ...outputs,
    ...(rewardLoss === undefined ? {} : { rewardLoss }),
    total,
    weights: gradient(total, [student])[0] as Tensor,
  });
  const parts = plans.map((plan) => partsOf(objective, plan));
  const result = interpret(program, {
    ...inputsOf(samples, weights, V),
    c: joined(parts.map(({ c }) => c)),
    cR: joined(parts.map(({ cR }) => cR)),
    behaviour: joined(samples.map(({ behaviour }) => behaviour)),
    advantage: joined(
      plans.map(({ advantages, mask }) => advantages ?? new Float64Array(mask.length)),
    ),
  });
  const { total: loss, weights: gradients, ...perToken } = result;
  return {
    loss: loss?.[0] ?? 0,
    gradient: Float64Array.from(gradients ?? []),
    perToken,
  };
};
