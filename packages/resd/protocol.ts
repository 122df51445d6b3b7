/** When a run is measured, and when it ends before its last update: rules over what the loop has counted. */
import { Schema } from "effect";

const Count = Schema.Int.check(Schema.isGreaterThan(0));
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));

/** A stretch of a run, measured in environment interactions. */
export const EvaluationStage = Schema.Struct({
  /** Evaluations are due at the multiples of this many interactions. */
  every: Count,
  /** The last count that the stage covers; absent: there is no end to it. */
  upTo: Schema.optionalKey(Count),
});
export type EvaluationStage = typeof EvaluationStage.Type;

/** Stages one after the other, each further than the one before. */
export const EvaluationStages = Schema.NonEmptyArray(EvaluationStage).check(
  Schema.makeFilter((stages) =>
    stages.every(({ upTo }, i) => i === 0 || (stages[i - 1]!.upTo ?? Infinity) < (upTo ?? Infinity))
      ? undefined
      : "Expected stages of which each has a larger upTo than the one before, and only the last may have none",
  ),
);

/** What ends a run early. Whichever holds first does; the policy is evaluated once more if it has not been. */
export const StopRule = Schema.Struct({
  /** No update begins once so many training episodes have been opened. */
  interactions: Schema.optionalKey(Count),
  /** The student's held-out success has been at least this at so many evaluations in a row. */
  heldOut: Schema.optionalKey(Schema.Struct({ atLeast: Share, evaluations: Count })),
});
export type StopRule = typeof StopRule.Type;

/** The last count at or below `count` at which an evaluation is due; 0 is the one before the first update. */
const lastDue = (stages: ReadonlyArray<EvaluationStage>, count: number): number => {
  let due = 0;
  let covered = 0;
  for (const { every, upTo = Infinity } of stages) {
    if (count <= covered) break;
    const multiple = Math.floor(Math.min(count, upTo) / every) * every;
    if (multiple > covered) due = multiple;
    covered = upTo;
  }
  return due;
};

/** What the loop has counted. */
interface Counted {
  readonly updates: number;
  readonly interactions: number;
}

/**
 * Whether an evaluation is due after an update: by `at`, one or more of its counts were reached since the last evaluation
 * of the curve; without `at`, at the multiples of `every` updates.
 */
export const evaluationDue = (
  rule: { readonly every: number; readonly at?: ReadonlyArray<EvaluationStage> },
  now: Counted,
  lastMeasuredAt: number,
): boolean =>
  rule.at === undefined
    ? now.updates % rule.every === 0
    : lastDue(rule.at, now.interactions) > lastMeasuredAt;

/** Whether the run is over. @param successes the student's held-out success at each evaluation, in order. */
export const isOver = (
  rule: StopRule | undefined,
  now: Counted,
  successes: ReadonlyArray<number>,
): boolean => {
  if (rule === undefined) return false;
  if (rule.interactions !== undefined && now.interactions >= rule.interactions) return true;
  if (rule.heldOut === undefined) return false;
  const { atLeast, evaluations } = rule.heldOut;
  return (
    successes.length >= evaluations &&
    successes.slice(-evaluations).every((success) => success >= atLeast)
  );
};
