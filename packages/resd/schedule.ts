/**
 * Schedules: runs that are trained by one method until something has been observed, and by another from then on. Which
 * one it is, is asked before every inner update, of a pure function of everything observed until then.
 */
import { distillOf } from "@resd/core";
import { Context, Layer, Schema } from "effect";
import type { PhaseChanges, ResdConfig } from "./config.ts";

/** One inner update, as a schedule sees it. */
export const ObservedUpdate = Schema.Struct({
  /** Counted from 0. */
  update: Schema.Int,
  batch: Schema.Int,
  /** Inner update on its batch, counted from 0: before the first one the batch's prompts have not been trained on. */
  inner: Schema.Int,
  /** The name of the phase that it was made in. */
  phase: Schema.String,
  /** Graded attempts, and how many of them the environment calls a success. */
  attempts: Schema.Int,
  successes: Schema.Int,
  /** Training episodes opened since the run began. */
  interactions: Schema.Int,
});
export type ObservedUpdate = typeof ObservedUpdate.Type;

/** Everything that a schedule may look at. */
export interface Observed {
  /** In order. */
  readonly updates: ReadonlyArray<ObservedUpdate>;
}

/** What changes in each phase of a run, and which phase is due. */
export interface RunSchedule<Name extends string = string> {
  /** Every phase there may be, against the run's configuration: all are checked before the first update. */
  readonly phases: Readonly<Record<Name, PhaseChanges>>;
  /** Pure: equal observations, equal names. */
  readonly phase: (observed: Observed) => Name;
}

/** The seam of schedules in code. Without one a run follows `schedule` of its configuration, or has a single phase. */
export const Schedule = Context.Reference<RunSchedule | undefined>("@resd/resd/Schedule", {
  defaultValue: () => undefined,
});

/**
 * A schedule as a layer.
 *
 * @example
 * ```ts
 * export default defineRun({
 *   preset: "kestrel",
 *   layers: {
 *     schedule: scheduleLayer({ slow: { lr: 6e-4 }, fast: {} }, ({ updates }) =>
 *       updates.length < 8 ? "slow" : "fast",
 *     ),
 *   },
 * });
 * ```
 */
export const scheduleLayer = <Name extends string>(
  phases: RunSchedule<Name>["phases"],
  phase: RunSchedule<Name>["phase"],
): Layer.Layer<never> =>
  Layer.succeed(Schedule, { phases, phase } satisfies RunSchedule<Name> as RunSchedule);

/**
 * The success rate over the last so many batches, on attempts at prompts that had not been trained on in their batch: the
 * first inner update of each. Undefined while there are fewer batches, or nothing could be graded.
 */
export const successOver = ({ updates }: Observed, batches: number): number | undefined => {
  const first = updates.filter(({ inner }) => inner === 0).slice(-batches);
  const attempts = first.reduce((sum, update) => sum + update.attempts, 0);
  if (first.length < batches || attempts === 0) return undefined;
  return first.reduce((sum, update) => sum + update.successes, 0) / attempts;
};

/** The name of the phase that a configuration's schedule begins with. */
export const FIRST_PHASE = "first";

const noSchedule: RunSchedule = { phases: { [FIRST_PHASE]: {} }, phase: () => FIRST_PHASE };

/** What the configuration says: once success has been common, the other phase for good. */
export const scheduleOf = ({ schedule }: Pick<ResdConfig, "schedule">): RunSchedule => {
  if (schedule === undefined) return noSchedule;
  const { until, next } = schedule;
  const { name, ...changes } = next;
  return {
    phases: { [FIRST_PHASE]: {}, [name]: changes },
    phase: (observed) => {
      if (observed.updates.at(-1)?.phase === name) return name;
      return (successOver(observed, until.batches) ?? -1) >= until.success ? name : FIRST_PHASE;
    },
  };
};

/** The configuration in a phase. Where nothing is distilled there is no teacher to measure. */
export const inPhase = (config: ResdConfig, changes: PhaseChanges): ResdConfig => {
  const changed: ResdConfig = { ...config, ...changes };
  const teacher = config.evaluation.teacher && distillOf(changed.objective) !== undefined;
  return { ...changed, evaluation: { ...config.evaluation, teacher } };
};

/** When a phase began. */
export const PhaseStart = Schema.Struct({
  phase: Schema.String,
  /** Inner updates done by then. */
  update: Schema.Int,
  interactions: Schema.Int,
});
export type PhaseStart = typeof PhaseStart.Type;
