/** What a finished cell measured: its curve, its updates, its cost. */
import { Schema } from "effect";
import { CellRole } from "./cell.ts";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Costs = Schema.Record(Schema.String, Schema.Finite);

/** An evaluation. Shares are in [0, 1]. */
export const EvaluationPoint = Schema.Struct({
  /** Inner updates done. */
  updates: Count,
  /** Training episodes opened. */
  interactions: Count,
  /** mean@k of the student on held-out tasks, from bare prompts. */
  success: Schema.Finite,
  /** Its standard error over tasks; absent in runs that did not note it. */
  successStderr: Schema.optionalKey(Schema.Finite),
  /** Mean passed share of the tests. */
  perTest: Schema.Finite,
  /** best@k, the plain maximum. */
  best: Schema.Finite,
  /** Mean tokens of an answer. */
  tokens: Schema.Finite,
  /** mean@k of the teacher with its playbook; absent when not measured. */
  teacher: Schema.optionalKey(Schema.Finite),
});
export type EvaluationPoint = typeof EvaluationPoint.Type;

/** An update, as far as figures show it. What a run does not have is absent. */
export const UpdatePoint = Schema.Struct({
  updates: Count,
  interactions: Count,
  /** Share of the update's attempts that succeeded. */
  success: Schema.optionalKey(Schema.Finite),
  /** Mean tokens of an attempt. */
  responseTokens: Schema.optionalKey(Schema.Finite),
  /** Mean divergence of student and teacher per trained token, in nats. */
  divergence: Schema.optionalKey(Schema.Finite),
  /** Entries of all playbooks. */
  playbook: Schema.optionalKey(Schema.Finite),
  /** Attempts by the reason why they teach, or do not. */
  signals: Schema.Record(Schema.String, Schema.Finite),
});
export type UpdatePoint = typeof UpdatePoint.Type;

/** What went wrong with learning, as far as the run could tell itself. */
export const CellDiagnosis = Schema.Struct({
  kind: Schema.String,
  cause: Schema.String,
  update: Schema.Int,
  message: Schema.String,
});
export type CellDiagnosis = typeof CellDiagnosis.Type;

/** A finished cell. */
export const CellResult = Schema.Struct({
  variant: Schema.String,
  seed: Schema.Int,
  role: CellRole,
  key: Schema.String,
  folder: Schema.String,
  /** Evaluations, in order; the first is that of the untrained policy. */
  curve: Schema.NonEmptyArray(EvaluationPoint),
  updates: Schema.Array(UpdatePoint),
  diagnoses: Schema.Array(CellDiagnosis),
  cost: Schema.Struct({
    wallSeconds: Schema.Finite,
    /** Seconds by phase; what is left without `evaluate`, `load` and `save` is training. */
    phases: Costs,
    modelCalls: Costs,
    generatedTokens: Costs,
  }),
  /** The code that made it, where it is known. */
  commit: Schema.optionalKey(Schema.String),
  changed: Schema.optionalKey(Schema.Boolean),
});
export type CellResult = typeof CellResult.Type;

/** A cell that did not finish. */
export const CellFailure = Schema.Struct({
  variant: Schema.String,
  seed: Schema.Int,
  role: CellRole,
  key: Schema.String,
  folder: Schema.String,
  message: Schema.String,
});
export type CellFailure = typeof CellFailure.Type;

/** The last evaluation. */
export const finalPoint = ({ curve }: Pick<CellResult, "curve">): EvaluationPoint => curve.at(-1)!;

const OUTSIDE = ["evaluate", "load", "save"];

/** Seconds spent on training: evaluation, loading and saving are left out. */
export const trainingSeconds = ({ cost }: CellResult): number =>
  Object.entries(cost.phases).reduce(
    (sum, [phase, seconds]) => (OUTSIDE.includes(phase) ? sum : sum + seconds),
    0,
  );
