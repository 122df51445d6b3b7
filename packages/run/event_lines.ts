/** Events as lines of JSON: what the files of a run say. Keys that begin with `time/` hold wall-clock values. */
import { type Evaluation, type RolloutRecord, type RunEvent, TaskScores } from "@resd/core";
import { Schema } from "effect";

type Updated = Extract<RunEvent, { _tag: "Updated" }>;
type Evaluated = Extract<RunEvent, { _tag: "Evaluated" }>;

/** Seconds rounded to microseconds: finer digits are noise. */
const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

/** Values under keys that say that they are times. */
export const times = (seconds: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(seconds).map(([key, value]) => [`time/${key}`, rounded(value)]),
  );

/**
 * The row of an inner update in metrics.jsonl. `update` counts from 1: the updates done after it, as evaluations count.
 * `parameters` names the student's weights after it, `rollouts` everything that was sampled in it.
 */
export const updateLine = (
  { update, report, metrics }: Updated,
  seconds: Readonly<Record<string, number>>,
): Readonly<Record<string, unknown>> => {
  const { policyVersion: _, rolloutHash, ...others } = metrics;
  return {
    type: "update",
    update: update + 1,
    loss: report.loss,
    gradNorm: report.gradNorm,
    parameters: report.policyVersion,
    rollouts: rolloutHash,
    ...Object.fromEntries(
      Object.entries(others).filter(([key]) => key !== "loss" && key !== "gradNorm"),
    ),
    ...times(seconds),
  };
};

const prefixed = (prefix: string, evaluation: Evaluation): Record<string, number> =>
  Object.fromEntries(
    Object.entries(evaluation).map(([key, value]) => [`${prefix}/${key}`, value as number]),
  );

/** The row of an evaluation in metrics.jsonl; `update` is how many updates came before it. */
export const evaluationLine = (
  { update, interactions, student, teacher, select, seconds }: Evaluated,
  sinceStart: number,
): Readonly<Record<string, unknown>> => ({
  type: "evaluation",
  update,
  interactions,
  ...prefixed("heldOut/student", student),
  ...(teacher === undefined ? {} : prefixed("heldOut/teacher", teacher)),
  ...(select === undefined ? {} : prefixed("select/student", select)),
  ...times({ evaluate: seconds, sinceStart }),
});

/** The row of probes that were asked: every ability with its accuracy or perplexity. */
export const probesLine = (
  { update, abilities, seconds }: Extract<RunEvent, { _tag: "Probed" }>,
  sinceStart: number,
): Readonly<Record<string, unknown>> => ({
  type: "probes",
  update,
  ...Object.fromEntries(
    Object.entries(abilities).map(([name, { value }]) => [`ability/${name}`, value]),
  ),
  ...times({ probes: seconds, sinceStart }),
});

/** A task of an evaluation: whose answers they are, then the scores. */
export const ScoresLine = Schema.Struct({
  of: Schema.Literals(["student", "teacher", "select"]),
  ...TaskScores.fields,
});

/** The tasks of an evaluation, one line each. */
export const scoresLines = ({ scores = {} }: Evaluated): ReadonlyArray<typeof ScoresLine.Type> =>
  ScoresLine.fields.of.literals.flatMap((of) =>
    (scores[of] ?? []).map((task) => ({ of, ...task })),
  );

/** A rollout with everything that was made of it. Ids, mask and log-probs are lists. */
export const rolloutLine = (
  { attempt, ...record }: RolloutRecord,
  update: number,
): Readonly<Record<string, unknown>> => {
  const { ids, mask, logProbs, ...told } = attempt;
  return {
    update: update + 1,
    ...told,
    ...record,
    tests: attempt.results.at(-1)?.tests ?? [],
    ids: [...ids],
    mask: [...mask],
    logProbs: [...logProbs],
  };
};
