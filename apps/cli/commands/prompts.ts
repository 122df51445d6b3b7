/** The flags and the help of `resd prompts`. */
import { Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { runFolder } from "../flags.ts";

export const prompts = Command.make("prompts", { run: Argument.optional(runFolder) }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("../prompts.ts")),
    (verb) => verb.prompts(input),
  ),
).pipe(
  Command.withDescription(
    "Print the wording that reflectors, curators and teachers of chat models are given, as a file: change it, and hand it to a run with --prompts <file>. Of a run it prints what that run used.",
  ),
  Command.withShortDescription("Print the wording of prompts, to be changed"),
  Command.withExamples([
    { command: "npm start -- prompts > my_prompts.md", description: "A file to begin with" },
    { command: "npm start -- --prompts my_prompts.md", description: "A run that uses it" },
  ]),
);
