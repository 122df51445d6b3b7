/** The verbs, each with its flags and its help in a file of its own. A verb's code is loaded when it is asked for. */
import type { Override } from "@resd/run";
import { Command } from "effect/cli";
import { compare } from "./commands/compare.ts";
import { doctor } from "./commands/doctor.ts";
import { evaluate } from "./commands/eval.ts";
import { exportVerb } from "./commands/export.ts";
import { plan } from "./commands/plan.ts";
import { prompts } from "./commands/prompts.ts";
import { replay } from "./commands/replay.ts";
import { sample } from "./commands/sample.ts";
import { show } from "./commands/show.ts";
import { train } from "./commands/train.ts";
import { env } from "./env/commands.ts";
import { playbook } from "./playbook/commands.ts";

/** The command line, with the configuration values that were taken out of it. */
export const resd = (overrides: ReadonlyArray<Override>) =>
  Command.make("resd").pipe(
    Command.withDescription(
      `RESD: a policy acts, what failed is turned into words, and the words teach the policy's own weights.

npm start trains; npm start -- <verb> does anything else.`,
    ),
    Command.withSubcommands([
      train(overrides),
      evaluate(overrides),
      exportVerb,
      show,
      replay(overrides),
      sample(overrides),
      compare,
      env(overrides),
      doctor(overrides),
      plan(overrides),
      playbook(overrides),
      prompts,
    ]),
    Command.withExamples([
      { command: "npm start", description: "Train the small model that comes along" },
      { command: "npm start -- train --help", description: "What can be changed, and how" },
      { command: "npm start -- doctor", description: "Check the machine first" },
    ]),
  );
