/** One micro-batch of an update as one graph: student and teacher forward, the loss of every token, the gradients. */
import { distillOf, type Objective } from "@resd/core";
import { type DecoderConfig, parameterInputs } from "@resd/models";
import {
  READINGS,
  type TokenLosses,
  type TokenLossesInput,
  tokenLosses,
  tokenReadings,
} from "@resd/objectives";
import {
  add,
  gradient,
  graph,
  input,
  lerp,
  mul,
  stopGradient,
  sum,
  type Tensor,
} from "@resd/tensor";
import { languageRows } from "./language_rows.ts";
import { squaredNorms } from "./optim/clip.ts";
import type { ProgramSource } from "./programs.ts";
import type { UpdateShape } from "./update_batch.ts";

/** Per-token results [N] that every objective gives; what an objective has no notion of is 0. */
export const STATISTICS = [
  "loss",
  "divergence",
  "clamped",
  "logProb",
  "teacherLogProb",
  "studentEntropy",
  "teacherEntropy",
] as const;

/** Names of the statistics of an objective: of a mixture the reward's own loss too. */
export const statisticsOf = (objective: Objective): ReadonlyArray<keyof TokenLosses> =>
  objective._tag === "Mixture" ? [...STATISTICS, "rewardLoss"] : STATISTICS;

/** Whose logits teach: weights of its own (`t/`), the student's, or a mixture of both. RLSD's teacher is the student. */
const teacherKind = (objective: Objective): "none" | "own" | "live" | "mixture" => {
  const distill = distillOf(objective);
  if (distill === undefined) {
    return objective._tag === "PolicyGradient" && objective.shaping === "rlsd" ? "live" : "none";
  }
  const { _tag } = distill.teacher;
  return _tag === "live" ? "live" : _tag === "trust-region" ? "mixture" : "own";
};

/** Whether the program reads the teacher's weights. */
export const readsTeacher = (objective: Objective): boolean =>
  ["own", "mixture"].includes(teacherKind(objective));

/** The share of the student in a trust-region teacher. */
export const teacherRate = (objective: Objective): number | undefined => {
  const rule = distillOf(objective)?.teacher;
  return rule?._tag === "trust-region" ? rule.rate : undefined;
};

/** What of an objective decides the graph: aggregation, rates, filters and ramps are data of each run. */
const settingsOf = (objective: Objective): unknown => {
  switch (objective._tag) {
    case "Distill": {
      const {
        aggregation: _a,
        tokenFilter: _f,
        entropyWeight: _e,
        positionRamp: _p,
        ...rest
      } = objective;
      return { ...rest, teacher: teacherKind(objective) };
    }
    case "Mixture":
      return { distill: settingsOf(objective.distill), reward: settingsOf(objective.reward) };
    default: {
      const { aggregation: _, ...rest } = objective;
      return rest;
    }
  }
};

const sizeOf = ({ B, studentLength, teacherLength, N }: UpdateShape): string =>
  `${B}x${studentLength}+${teacherLength}/${N}`;

/** The key of `updateProgram`. */
export const programKey = (objective: Objective, shape: UpdateShape): string =>
  `update/${JSON.stringify(settingsOf(objective))}/${sizeOf(shape)}`;

/** The key of `readingProgram`. */
export const readingKey = (objective: Objective, shape: UpdateShape): string =>
  `read/${JSON.stringify(settingsOf(objective))}/${sizeOf(shape)}`;

const teacherLogits = (
  config: DecoderConfig,
  objective: Objective,
  student: Record<string, Tensor>,
  shape: UpdateShape,
): Tensor => {
  const ids = input("teacher/ids", [shape.B, shape.teacherLength], "i32");
  const rows = input("teacher/rows", [shape.N], "i32");
  const of = (parameters: Record<string, Tensor>): Tensor =>
    stopGradient(languageRows(config, parameters, ids, rows));
  switch (teacherKind(objective)) {
    case "live":
      return of(student);
    case "mixture":
      return lerp(of(parameterInputs(config, "t/")), of(student), input("teacher/rate", [1]));
    default:
      return of(parameterInputs(config, "t/"));
  }
};

/** Both models on the tokens of a micro-batch. */
const models = (
  config: DecoderConfig,
  objective: Objective,
  student: Record<string, Tensor>,
  shape: UpdateShape,
): Pick<TokenLossesInput, "student" | "teacher" | "tokens" | "objective"> => {
  const { B, studentLength, teacherLength, N } = shape;
  const ids = input("student/ids", [B, studentLength], "i32");
  return {
    objective,
    student: languageRows(config, student, ids, input("student/rows", [N], "i32")),
    tokens: input("targets", [N], "i32"),
    ...(teacherLength === 0 ? {} : { teacher: teacherLogits(config, objective, student, shape) }),
  };
};

/**
 * Inputs: `s/…` student, `t/…` teacher where it has weights of its own, and the data of a micro-batch. Outputs: the
 * statistics, `g/…` gradients of Σ coefficient·loss with respect to the student, `norm/…` their squared norms.
 */
export const updateProgram = (
  config: DecoderConfig,
  objective: Objective,
  shape: UpdateShape,
): ProgramSource => {
  const { N } = shape;
  const student = parameterInputs(config, "s/");
  const perToken = tokenLosses({
    ...models(config, objective, student, shape),
    behaviour: input("behaviour", [N]),
    advantage: input("advantage", [N]),
  });
  const names = Object.keys(student);
  const own = sum(mul(perToken.loss, input("coefficient", [N])));
  const loss =
    perToken.rewardLoss === undefined
      ? own
      : add(own, sum(mul(perToken.rewardLoss, input("rewardCoefficient", [N]))));
  const all = gradient(loss, Object.values(student));
  const gradients = Object.fromEntries(names.map((name, i) => [name, all[i] as Tensor]));
  const outputs: Record<string, Tensor> = { ...squaredNorms(gradients) };
  for (const name of statisticsOf(objective)) outputs[name] = perToken[name] as Tensor;
  for (const name of names) outputs[`g/${name}`] = gradients[name] as Tensor;
  return {
    graph: graph(outputs, {
      name: `update ${objective._tag} ${shape.B}x${shape.studentLength}+${shape.teacherLength}`,
    }),
  };
};

/** Inputs as of `updateProgram`, outputs the readings of every token: forward passes alone. */
export const readingProgram = (
  config: DecoderConfig,
  objective: Objective,
  shape: UpdateShape,
): ProgramSource => {
  const student = parameterInputs(config, "s/");
  const readings = tokenReadings(models(config, objective, student, shape));
  const outputs = Object.fromEntries(READINGS.map((name) => [name, readings[name]]));
  return {
    graph: graph(outputs, {
      name: `read ${objective._tag} ${shape.B}x${shape.studentLength}+${shape.teacherLength}`,
    }),
  };
};
