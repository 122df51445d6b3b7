import { Schema } from "effect";

/** A benchmark that cannot be taken or that would not mean anything. */
export class BenchError extends Schema.TaggedError<BenchError>()("BenchError", {
  message: Schema.String,
}) {}
