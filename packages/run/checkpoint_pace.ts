/** How often a run keeps what it needs to go on. */
import type { RunConfig } from "./run_config.ts";

/** Minutes between checkpoints of a run that does not say; one that is shorter keeps none. */
export const CHECKPOINT_MINUTES = 15;

/** After so many updates, after so many seconds, or after both; never where both are absent. */
export interface CheckpointPace {
  readonly every?: number;
  readonly seconds?: number;
  /** Somebody has asked for them: a run that cannot write one ends. Else it warns, and goes on without. */
  readonly asked: boolean;
}

/** Reads it from the configuration. */
export const checkpointPace = ({
  checkpoint: { every, minutes } = {},
}: Pick<RunConfig, "checkpoint">): CheckpointPace => {
  const asked = every !== undefined || minutes !== undefined;
  const waited = minutes ?? (asked ? 0 : CHECKPOINT_MINUTES);
  return {
    asked,
    ...(every === undefined ? {} : { every }),
    ...(waited === 0 ? {} : { seconds: 60 * waited }),
  };
};
