/** The one error of this package: an objective, or its data, that cannot be computed. */
import { Schema } from "effect";

/** Thrown by graph builders and host helpers while a run is composed or a batch is laid out, never inside a loop. */
export class ObjectiveError extends Schema.TaggedError<ObjectiveError>()("ObjectiveError", {
  message: Schema.String,
}) {}
