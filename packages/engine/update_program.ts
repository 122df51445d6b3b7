/** One micro-batch of an update as one graph: student and teacher forward, the loss of every token, the gradients. */
import type { Objective } from "@resd/core";
import { type DecoderConfig, parameterInputs } from "@resd/models";
import {
  crossEntropy,
  distribution,
  entropy,
  policyGradient,
  tokenDivergence,
} from "@resd/objectives";
import {
  full,
  gradient,
  graph,
  input,
  lerp,
  mul,
  neg,
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
type Statistics = Readonly<Record<(typeof STATISTICS)[number], Tensor>>;

/** Whose logits teach: weights of its own (`t/`), the student's, or a mixture of both. */
const teacherKind = (objective: Objective): "none" | "own" | "live" | "mixture" => {
  if (objective._tag !== "Distill") return "none";
  const { _tag } = objective.teacher;
  return _tag === "live" ? "live" : _tag === "trust-region" ? "mixture" : "own";
};

/** Whether the program reads the teacher's weights. */
export const readsTeacher = (objective: Objective): boolean =>
  ["own", "mixture"].includes(teacherKind(objective));

/** What of an objective decides the graph: aggregation and rates are data of each run. */
export const programKey = (
  objective: Objective,
  { B, studentLength, teacherLength, N }: UpdateShape,
): string => {
  const size = `${B}x${studentLength}+${teacherLength}/${N}`;
  const { aggregation: _, ...rest } = objective;
  const settings = rest._tag === "Distill" ? { ...rest, teacher: teacherKind(objective) } : rest;
  return `update/${JSON.stringify(settings)}/${size}`;
};

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

const statistics = (
  config: DecoderConfig,
  objective: Objective,
  student: Record<string, Tensor>,
  shape: UpdateShape,
): Statistics => {
  const { B, studentLength, N } = shape;
  const ids = input("student/ids", [B, studentLength], "i32");
  const logits = languageRows(config, student, ids, input("student/rows", [N], "i32"));
  const tokens = input("targets", [N], "i32");
  const zero = full(0, [N]);
  if (objective._tag === "Distill") {
    const teacher = teacherLogits(config, objective, student, shape);
    return tokenDivergence({ student: logits, teacher, tokens, objective });
  }
  const studentEntropy = stopGradient(entropy(distribution(logits)));
  const rest = { studentEntropy, teacherLogProb: zero, teacherEntropy: zero };
  if (objective._tag === "CrossEntropy") {
    const loss = crossEntropy({ logits, tokens });
    return { loss, divergence: loss, clamped: zero, logProb: neg(loss), ...rest };
  }
  const { loss, logProb, clipped } = policyGradient({
    logits,
    tokens,
    oldLogProb: input("behaviour", [N]),
    advantage: input("advantage", [N]),
    objective,
  });
  return { loss, divergence: zero, clamped: clipped, logProb, ...rest };
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
  const student = parameterInputs(config, "s/");
  const perToken = statistics(config, objective, student, shape);
  const names = Object.keys(student);
  const loss = sum(mul(perToken.loss, input("coefficient", [shape.N])));
  const all = gradient(loss, Object.values(student));
  const gradients = Object.fromEntries(names.map((name, i) => [name, all[i] as Tensor]));
  const outputs: Record<string, Tensor> = { ...squaredNorms(gradients) };
  for (const name of STATISTICS) outputs[name] = perToken[name];
  for (const name of names) outputs[`g/${name}`] = gradients[name] as Tensor;
  return {
    graph: graph(outputs, {
      name: `update ${objective._tag} ${shape.B}x${shape.studentLength}+${shape.teacherLength}`,
    }),
  };
};
