/** A command line that cannot be read: what was expected, what was got, and what to do, a line for each fault. */
import { type Override, nearest } from "@resd/run";
import type { CliError } from "effect/cli";

export interface Usage {
  /** The program and the verb: `resd`, `playbook`, `show`. */
  readonly commandPath: ReadonlyArray<string>;
  readonly errors: ReadonlyArray<CliError.NonShowHelpErrors>;
  /** Names of the verbs that may follow, where some may. */
  readonly verbs: ReadonlyArray<string>;
  /** What was read as configuration: it may have taken a word that was meant for the verb. */
  readonly overrides: ReadonlyArray<Override>;
}

const meant = (name: string | undefined): string =>
  name === undefined ? "" : `did you mean ${name}? `;

/** Says which flag has taken a word that reads like a file or a folder. */
const takenBy = (overrides: ReadonlyArray<Override>): string => {
  const taker = overrides.findLast(({ text }) => text.includes("/"));
  return taker === undefined ? "" : ` (${taker.text} was read as the value of ${taker.flag})`;
};

const lineOf = (
  error: CliError.NonShowHelpErrors,
  { commandPath, verbs, overrides }: Usage,
): string => {
  const [program = "resd", ...path] = commandPath;
  const at = path.length === 0 ? program : path.join(" ");
  const help = `npm start -- ${[...path, "--help"].join(" ")}`;
  switch (error._tag) {
    case "UnknownSubcommand": {
      const { subcommand } = error;
      const close = meant(nearest(subcommand, verbs));
      return `Expected one of ${verbs.join(", ")}, got ${subcommand}, at ${at}; ${close}${help} explains them`;
    }
    case "UnrecognizedOption":
      return `Expected a flag of ${at}, got ${error.option}; ${meant(error.suggestions[0])}${help} lists them`;
    case "MissingArgument":
      return `Expected <${error.argument}>, got none, at ${at}${takenBy(overrides)}; add it: npm start -- ${at} <${error.argument}>`;
    case "MissingOption":
      return `Expected --${error.option}, got none, at ${at}; add it: npm start -- ${at} … --${error.option} <value>`;
    case "UnexpectedArgument":
      return `Expected no further words, got ${error.arguments.join(" ")}, at ${at}; leave them out, or see ${help}`;
    case "InvalidValue": {
      const name = error.kind === "flag" ? `--${error.option}` : `<${error.option}>`;
      const expected = error.expected.replace(/^Schema validation failed: /, "");
      const rule = /^Expected:? /.test(expected) ? expected : `Expected ${expected}`;
      return `${rule}, got ${JSON.stringify(error.value)}, at ${name}; correct it (${help})`;
    }
    default:
      return `${error.message}; ${help} says what can be given`;
  }
};

/** What to tell of it. Behind a verb that does not exist nothing else is known to be wrong. */
export const usageText = (usage: Usage): string => {
  const unknown = usage.errors.find(({ _tag }) => _tag === "UnknownSubcommand");
  const told = unknown === undefined ? usage.errors : [unknown];
  return [...new Set(told.map((error) => lineOf(error, usage)))].join("\n");
};
