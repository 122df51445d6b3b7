/** The flags and the help of `resd sample`. */
import type { Override } from "@resd/run";
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json } from "../flags.ts";

export const sample = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "sample",
    {
      of: Argument.String("run").pipe(
        Argument.withDescription(
          "Folder of a run, or a configuration file; the untrained default unless given",
        ),
        Argument.optional,
      ),
      tasks: Flag.Int("tasks").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
        Flag.withDescription("How many held-out tasks to follow"),
        Flag.withDefault(2),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("../sample.ts")),
        (verb) => verb.sample({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Follow a few tasks through every prompt: what the student reads and writes, what the reflector makes of a failure, and what the same weights answer with all of it beside the task, as teacher.",
    ),
    Command.withShortDescription("Read the prompts, and what the model writes"),
    Command.withExamples([
      { command: "npm start -- sample", description: "The untrained model" },
      {
        command: "npm start -- sample runs/kestrel-seed-1 --tasks 5",
        description: "A trained model with its playbook",
      },
    ]),
  );
