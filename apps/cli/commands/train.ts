/** The flags and the help of `resd train`. */
import type { Override } from "@resd/run";
import { Effect } from "effect";
import { Command, Flag } from "effect/cli";
import { configFile, json } from "../flags.ts";

const OVERRIDES = `Every value of the configuration is a flag with a dotted path: --resd.lr=1e-3, --environment.options.level=siblings, --resd.clipNorm=null (none). --dry-run prints them all, each with where it came from.`;

export const train = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "train",
    {
      file: configFile,
      json,
      resume: Flag.String("resume").pipe(
        Flag.withDescription(
          "Go on with the run in this folder, from its newest checkpoint (docs/resume.md)",
        ),
        Flag.optional,
      ),
      dryRun: Flag.Boolean("dry-run").pipe(
        Flag.withDescription(
          "Print the whole configuration, with where each value came from, and stop",
        ),
        Flag.withDefault(false),
      ),
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("../train.ts")),
        (verb) => verb.train({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      `Train a policy on what went wrong. Without a file it is the preset kestrel: a small decoder learns the commands of an undocumented chip, in about a minute on two cores.

${OVERRIDES}

--preset <name> starts from another preset, --variant <name> runs another method on it (docs/variants.md), --seed <n> draws other tasks and samples, --run-dir <folder> says where the run is written (runs/<name>-seed-<n> unless given). Ctrl-C leaves a readable folder. What a run needs to go on after a crash is kept every 15 minutes, or as --checkpoint.every=<updates> and --checkpoint.minutes=<minutes> say, and --resume <folder> goes on.`,
    ),
    Command.withShortDescription("Train a policy, and report"),
    Command.withExamples([
      { command: "npm start", description: "The default run" },
      { command: "npm start -- --seed 7 --run-dir runs/seven", description: "Another seed" },
      {
        command: "npm start -- --environment.options.level=siblings --resd.updates=20",
        description: "Another level, and a third of the updates",
      },
      {
        command: "npm start -- --resd.reflect=false --resd.playbook=none",
        description: "An ablation: no words, only feedback and solutions",
      },
      {
        command: "npm start -- train my_run.ts --dry-run",
        description: "What a configuration in TypeScript comes to (docs/compose.md)",
      },
      {
        command: "npm start -- --resume runs/kestrel-seed-1",
        description: "A run with checkpoints that was cut off",
      },
      { command: "npm start -- --json | tail -1", description: "The summary for a program" },
    ]),
  );
