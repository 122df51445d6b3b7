/** Flags and arguments that several verbs have. */
import { Argument, Flag } from "effect/cli";

/** A configuration file, if there is one. */
export const configFile = Argument.String("file").pipe(
  Argument.withDescription("Configuration: a .toml, .json or .ts file"),
  Argument.optional,
);

/** A run that has been. */
export const runFolder = Argument.String("run").pipe(
  Argument.withDescription("Folder of a run, such as runs/kestrel-seed-1"),
);

/** The code that a run was made of, if it was. */
export const layersFile = Flag.String("file").pipe(
  Flag.withDescription("The .ts file whose layers the run was made of, if it had any"),
  Flag.optional,
);

/** A result for programs. */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print the result as one line of JSON, and nothing else"),
  Flag.withDefault(false),
);
