/** What someone who watches a run remembers of it, as data. */
import { ProbeResult } from "@resd/core";
import { Schema } from "effect";
import { Cause } from "./detect/finding.ts";
import { CurvePoint } from "./summary.ts";

/** Everything measured since the objective is what it is, and which causes have been named. */
export const WatchMemory = Schema.Struct({
  updates: Schema.Array(
    Schema.Struct({
      update: Schema.Int,
      /** Some are not finite where a step was skipped. */
      metrics: Schema.Record(Schema.String, Schema.Union([Schema.Number, Schema.String])),
    }),
  ),
  evaluations: Schema.Array(CurvePoint),
  /** Causes of this phase of the run, with their places among its diagnoses. */
  named: Schema.Array(Schema.Tuple([Cause, Schema.Int])),
  probed: Schema.Array(Schema.Array(ProbeResult)),
});
export type WatchMemory = typeof WatchMemory.Type;

/** Of a run that has not begun. */
export const NOTHING_SEEN: WatchMemory = { updates: [], evaluations: [], named: [], probed: [] };
