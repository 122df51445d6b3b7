/** Events as lines of JSON: what the files of a run say. Keys that begin with `time/` hold wall-clock values. */
import type { Evaluation, RolloutRecord, RunEvent } from "@resd/core";

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

const prefixed = (role: string, evaluation: Evaluation): Record<string, number> =>
  Object.fromEntries(
    Object.entries(evaluation).map(([key, value]) => [`heldOut/${role}/${key}`, value as number]),
  );

/** The row of an evaluation in metrics.jsonl; `update` is how many updates came before it. */
export const evaluationLine = (
  { update, interactions, student, teacher, seconds }: Evaluated,
  sinceStart: number,
): Readonly<Record<string, unknown>> => ({
  type: "evaluation",
  update,
  interactions,
  ...prefixed("student", student),
  ...(teacher === undefined ? {} : prefixed("teacher", teacher)),
  ...times({ evaluate: seconds, sinceStart }),
});

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
