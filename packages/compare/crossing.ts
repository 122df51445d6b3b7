/** When a curve first reaches a success, between two evaluations or after the last. */
import { Schema } from "effect";
import type { EvaluationPoint } from "./cell_result.ts";

const Place = Schema.Struct({ updates: Schema.Finite, interactions: Schema.Finite });

/** The first time that a curve is at a success, or how long it was watched without that. */
export const Crossing = Schema.Union([
  Schema.TaggedStruct("Reached", Place.fields),
  /** Never: the true count, if there is one, is above this budget. */
  Schema.TaggedStruct("Censored", Place.fields),
]);
export type Crossing = typeof Crossing.Type;

/**
 * The first crossing of `threshold`, interpolated linearly between the evaluation that is there and the one before.
 * A curve that starts at the threshold crosses at 0; one that never gets there is censored at its last evaluation.
 */
export const crossingOf = (curve: ReadonlyArray<EvaluationPoint>, threshold: number): Crossing => {
  const at = curve.findIndex(({ success }) => success >= threshold);
  const there = curve[at];
  if (there === undefined) {
    const { updates = 0, interactions = 0 } = curve.at(-1) ?? {};
    return { _tag: "Censored", updates, interactions };
  }
  const before = curve[at - 1];
  if (before === undefined) {
    return { _tag: "Reached", updates: there.updates, interactions: there.interactions };
  }
  const share = (threshold - before.success) / (there.success - before.success);
  const between = (axis: "updates" | "interactions") =>
    before[axis] + share * (there[axis] - before[axis]);
  return {
    _tag: "Reached",
    updates: between("updates"),
    interactions: between("interactions"),
  };
};
