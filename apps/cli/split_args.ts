/** Command lines in two parts: the verb's own flags, and values of the configuration such as `--resd.lr=1e-3`. */
import type { Override } from "@resd/run";
import { REPLAY_FLAGS } from "./commands/replay.ts";
import { PLAYBOOK_FLAGS } from "./playbook/commands.ts";
import { takesWord } from "./switches.ts";

/** Verbs that read no configuration. A flag that they do not know is not taken out, so that their parser refuses it. */
const WITHOUT_CONFIG =
  /^(compare|export|prompts|show|env (list|new)|playbook (show|diff|export|import|edit))( |$)/;

export interface SplitArgs {
  /** For the verb's parser. */
  readonly args: ReadonlyArray<string>;
  readonly overrides: ReadonlyArray<Override>;
}

/** Flags that stand for a key of the configuration under a shorter name. */
const SHORT: Readonly<Record<string, string>> = {
  "run-dir": "runDir",
  env: "environment.use",
  reflector: "reflector.use",
  curator: "curator.use",
  compute: "compute.use",
  adapter: "compute.options.adapter",
  "lora-adapter": "loraAdapter",
  provider: "compute.options.provider",
};

/** Flags of the verbs and of every command line; whatever else begins with two dashes is configuration. */
const OWN_FLAGS = new Set([
  "answer",
  "best",
  "cells",
  "completions",
  "dry-run",
  "file",
  "from",
  "gold",
  "help",
  "jobs",
  "json",
  "out",
  "patience",
  "recorded",
  "report",
  "resume",
  "samples",
  "split",
  "task",
  "tasks",
  "version",
]);

/** Flags that are configuration on every other command line. */
const FLAGS_OF: ReadonlyMap<string | undefined, ReadonlyArray<string>> = new Map([
  ["playbook", PLAYBOOK_FLAGS],
  ["replay", REPLAY_FLAGS],
  ["export", ["adapter", "merge", "dtype", "shard-size", "force"]],
]);

/** Command lines that are about the program, not about a run. */
const ABOUT = ["--help", "-h", "--version", "-v", "--completions"];

const isConfigFile = (arg: string): boolean => /\.(toml|json|m?[jt]s)$/.test(arg);

/** Puts `train` where no verb stands, and takes the values of the configuration out. */
export const splitArgs = (argv: ReadonlyArray<string>): SplitArgs => {
  const [first] = argv;
  const verbless =
    first === undefined || isConfigFile(first) || (first.startsWith("-") && !ABOUT.includes(first));
  const args: Array<string> = verbless ? ["train"] : [];
  const ofVerb = FLAGS_OF.get(first) ?? [];
  const overrides: Array<Override> = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const refused = WITHOUT_CONFIG.test(argv.slice(0, 2).join(" "));
    if (refused || name === undefined || OWN_FLAGS.has(name) || ofVerb.includes(name)) {
      args.push(arg);
      continue;
    }
    const next = argv[i + 1];
    const path = SHORT[name] ?? name;
    const follows =
      value === undefined && next !== undefined && !next.startsWith("--") && takesWord(path, next);
    if (follows) i++;
    // A flag without a value switches on.
    overrides.push({
      path,
      text: value ?? (follows ? next : "true"),
      flag: `--${name}`,
    });
  }
  return { args, overrides };
};
