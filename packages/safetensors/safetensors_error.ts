/** The one error of this package. */
import { Schema } from "effect";

/** A file that is not what the format, or the caller, says it should be. The message names file and tensor. */
export class SafetensorsError extends Schema.TaggedError<SafetensorsError>()("SafetensorsError", {
  message: Schema.String,
  file: Schema.String,
  tensor: Schema.optionalKey(Schema.String),
}) {}
