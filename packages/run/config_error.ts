/** What is wrong with a configuration: all faults at once. */
import { Schema } from "effect";

/** One fault, with the key it is about and who gave the value. */
export const ConfigFault = Schema.Struct({
  path: Schema.String,
  source: Schema.String,
  message: Schema.String,
});
export type ConfigFault = typeof ConfigFault.Type;

/** A configuration that cannot be run; `message` has a line for each fault. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  message: Schema.String,
  faults: Schema.Array(ConfigFault),
}) {}

/** An error of some faults; each is a line of its message. */
export const configError = (faults: ReadonlyArray<ConfigFault>): ConfigError =>
  new ConfigError({ faults, message: faults.map((fault) => fault.message).join("\n") });
