/** One micro-batch of an update as one graph: student and teacher forward, the loss of every token, the gradients. */
import { distillOf, type Objective } from "@resd/core";
import {
  type DecoderConfig,
  headWeights,
  logits,
  parameterInputs,
  trainableSpecs,
} from "@resd/models";
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
import { stateRows } from "./language_rows.ts";
import { squaredNorms } from "./optim/clip.ts";
import type { ProgramSource } from "./programs.ts";
import { lossInChunks, mapInChunks } from "./row_chunks.ts";
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

const sizeOf = ({ B, studentLength, teacherLength, N, chunk, checkpoint }: UpdateShape): string =>
  `${B}x${studentLength}+${teacherLength}/${N}${chunk < N ? ` by ${chunk}` : ""}${checkpoint ? " again" : ""}`;

/** The key of `updateProgram`. */
export const programKey = (objective: Objective, shape: UpdateShape): string =>
  `update/${JSON.stringify(settingsOf(objective))}/${sizeOf(shape)}`;

/** The key of `readingProgram`. */
export const readingKey = (objective: Objective, shape: UpdateShape): string =>
  `read/${JSON.stringify(settingsOf(objective))}/${sizeOf(shape)}`;

/** Both models have their own of what is trained, and share what an adapter leaves as it is. */
const studentInputs = (config: DecoderConfig) => parameterInputs(config, "s/", "frozen/");
const teacherInputs = (config: DecoderConfig) => parameterInputs(config, "t/", "frozen/");

/** Hidden states of the tokens of a micro-batch under every model that is run, the student first, and the models' heads. */
interface Models {
  readonly states: ReadonlyArray<Tensor>;
  /** Logits of the student and of the teacher, where there is one, from states of the same rows. */
  readonly logits: (states: ReadonlyArray<Tensor>) => Pick<TokenLossesInput, "student" | "teacher">;
}

const teacherModels = (
  config: DecoderConfig,
  objective: Objective,
  student: Record<string, Tensor>,
  shape: UpdateShape,
): {
  readonly states: ReadonlyArray<Tensor>;
  readonly logits: (states: ReadonlyArray<Tensor>) => Tensor;
} => {
  const ids = input("teacher/ids", [shape.B, shape.teacherLength], "i32");
  const rows = input("teacher/rows", [shape.N], "i32");
  const of = (parameters: Record<string, Tensor>) => ({
    states: stateRows(config, parameters, ids, rows),
    logits: (states: Tensor): Tensor => stopGradient(logits(config, parameters, states)),
  });
  const kind = teacherKind(objective);
  if (kind === "mixture") {
    const [own, live] = [of(teacherInputs(config)), of(student)];
    return {
      states: [own.states, live.states],
      logits: ([first, second]) =>
        lerp(
          own.logits(first as Tensor),
          live.logits(second as Tensor),
          input("teacher/rate", [1]),
        ),
    };
  }
  const one = of(kind === "live" ? student : teacherInputs(config));
  return { states: [one.states], logits: ([first]) => one.logits(first as Tensor) };
};

const models = (
  config: DecoderConfig,
  objective: Objective,
  student: Record<string, Tensor>,
  shape: UpdateShape,
): Models => {
  const { B, studentLength, teacherLength, N, checkpoint } = shape;
  const ids = input("student/ids", [B, studentLength], "i32");
  const rows = input("student/rows", [N], "i32");
  const states = stateRows(config, student, ids, rows, { checkpoint });
  const own = (some: Tensor): Tensor => logits(config, student, some);
  if (teacherLength === 0) {
    return { states: [states], logits: ([first]) => ({ student: own(first as Tensor) }) };
  }
  const teacher = teacherModels(config, objective, student, shape);
  return {
    states: [states, ...teacher.states],
    logits: ([first, ...others]) => ({
      student: own(first as Tensor),
      teacher: teacher.logits(others),
    }),
  };
};

/**
 * Inputs: `s/…` student, `t/…` teacher where it has weights of its own, `frozen/…` what both share below an adapter, and
 * the data of a micro-batch. Outputs: the statistics, `g/…` gradients of Σ coefficient·loss with respect to what is
 * trained of the student, `norm/…` their squared norms.
 */
export const updateProgram = (
  config: DecoderConfig,
  objective: Objective,
  shape: UpdateShape,
): ProgramSource => {
  const { N, chunk } = shape;
  const student = studentInputs(config);
  const { states, logits: logitsOf } = models(config, objective, student, shape);
  const perRow = (name: string): Tensor => input(name, [N]);
  const { loss, perRow: statistics } = lossInChunks(
    { states, size: chunk },
    config.lora === undefined ? headWeights(config, student) : [],
    ({ states: own, cut }) => {
      const perToken = tokenLosses({
        objective,
        ...logitsOf(own),
        tokens: cut(input("targets", [N], "i32")),
        behaviour: cut(perRow("behaviour")),
        advantage: cut(perRow("advantage")),
      });
      const taught = sum(mul(perToken.loss, cut(perRow("coefficient"))));
      const { rewardLoss } = perToken;
      return {
        loss:
          rewardLoss === undefined
            ? taught
            : add(taught, sum(mul(rewardLoss, cut(perRow("rewardCoefficient"))))),
        perRow: Object.fromEntries(
          statisticsOf(objective).map((name) => [name, perToken[name] as Tensor]),
        ),
      };
    },
  );
  const names = trainableSpecs(config).map(({ name }) => name);
  const all = gradient(
    loss,
    names.map((name) => student[name] as Tensor),
  );
  const gradients = Object.fromEntries(names.map((name, i) => [name, all[i] as Tensor]));
  const outputs: Record<string, Tensor> = { ...squaredNorms(gradients), ...statistics };
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
  const student = studentInputs(config);
  const { states, logits: logitsOf } = models(config, objective, student, {
    ...shape,
    checkpoint: false,
  });
  const outputs = mapInChunks({ states, size: shape.chunk }, ({ states: own, cut }) => {
    const tokens = cut(input("targets", [shape.N], "i32"));
    const readings = tokenReadings({ objective, ...logitsOf(own), tokens });
    return Object.fromEntries(READINGS.map((name) => [name, readings[name]]));
  });
  return {
    graph: graph(outputs, {
      name: `read ${objective._tag} ${shape.B}x${shape.studentLength}+${shape.teacherLength}`,
    }),
  };
};
