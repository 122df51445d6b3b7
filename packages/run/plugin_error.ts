/** A plugin that cannot be used. */
import { Schema } from "effect";

/** A plugin that is not there, is not what it claims, refuses its options, or fails to start. */
export class PluginError extends Schema.TaggedError<PluginError>()("PluginError", {
  message: Schema.String,
  /** As the configuration names it. */
  use: Schema.String,
  reason: Schema.Literals(["not-found", "manifest", "module", "options", "layer"]),
}) {}
