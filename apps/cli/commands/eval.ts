/** The flags and the help of `resd eval`. */
import type { Override } from "@resd/run";
import { Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json, layersFile, runFolder } from "../flags.ts";

export const evaluate = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "eval",
    {
      runs: runFolder.pipe(Argument.atLeast(1)),
      file: layersFile,
      best: Flag.Boolean("best").pipe(
        Flag.withDescription("Measure the best policy that the run has kept (evaluation.keepBest)"),
        Flag.withDefault(false),
      ),
      recorded: Flag.Boolean("recorded").pipe(
        Flag.withDescription("Tell what the run measured itself, evaluation by evaluation"),
        Flag.withDefault(false),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("../eval.ts")),
        (verb) => verb.evaluate({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Measure the trained policies of runs on held-out tasks, from bare prompts and with their playbooks in context, each number with its 95 % interval over tasks. Dotted flags change what is measured, not what was learned. --probes also asks what the policy could do before: those of its model's folder, or of a .jsonl file (docs/evaluation.md). With --json one line for each run.",
    ),
    Command.withShortDescription("Measure trained policies, with and without their playbooks"),
    Command.withExamples([
      { command: "npm start -- eval runs/kestrel-seed-1", description: "As the run measured it" },
      {
        command:
          "npm start -- eval runs/kestrel-seed-1 --environment.options.heldOutSize=256 --resd.evaluation.samples=8",
        description: "On more tasks, with more samples",
      },
      {
        command: "npm start -- eval runs/kestrel-seed-1 --probes",
        description: "And what the policy has forgotten",
      },
      {
        command: "npm start -- eval runs/* --recorded",
        description: "All evaluations of all runs, and which one the paper's rule picks",
      },
    ]),
  );
