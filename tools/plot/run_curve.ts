/** What a picture needs of the summary of a run. */
import { RunSummary } from "@resd/run";
import { Schema } from "effect";

const { variant, seed, outcome, curve } = RunSummary.fields;

export const RunCurve = Schema.Struct({ variant, seed, outcome, curve });
export type RunCurve = typeof RunCurve.Type;
