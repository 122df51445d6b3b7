import { Schema } from "effect";

/** Runs of which no picture can be drawn. */
export class PlotError extends Schema.TaggedError<PlotError>()("PlotError", {
  message: Schema.String,
}) {}
