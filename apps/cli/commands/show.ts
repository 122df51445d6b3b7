/** The flags and the help of `resd show`. */
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json, runFolder } from "../flags.ts";

const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1));

export const show = Command.make(
  "show",
  {
    run: runFolder,
    episode: Argument.String("attempt").pipe(
      Argument.withDescription(
        "Id of an attempt, or as much of its beginning as tells it apart; a list unless given",
      ),
      Argument.optional,
    ),
    failed: Flag.Boolean("failed").pipe(
      Flag.withDescription("List those that did not solve their task"),
      Flag.withDefault(false),
    ),
    solved: Flag.Boolean("solved").pipe(
      Flag.withDescription("List those that did"),
      Flag.withDefault(false),
    ),
    update: Flag.Int("update").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("List those of one inner update, counted from 1"),
      Flag.optional,
    ),
    task: Flag.String("task").pipe(
      Flag.withDescription("List those whose task's key contains this"),
      Flag.optional,
    ),
    last: Flag.Int("last").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("List at most so many, the newest ones; with --json all"),
      Flag.withDefault(40),
    ),
    tokens: Flag.Boolean("tokens").pipe(
      Flag.withDescription(
        "Of one attempt: every token, with the probability that it was written with",
      ),
      Flag.withDefault(false),
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../show.ts")),
      (verb) => verb.show(input),
    ),
).pipe(
  Command.withDescription(
    "List the attempts of a run, or tell everything that was written down of one, in order: what the policy read and wrote, tests, score, feedback, reflection, what the curator made of it, what changed in the playbook because of it, what the teacher read. What was not recorded is said to be so. No model is loaded; the run may still be going on (docs/runs.md).",
  ),
  Command.withShortDescription("Look at the attempts of a run, or at one of them"),
  Command.withExamples([
    {
      command: "npm start -- show runs/kestrel-seed-1 --failed --last 10",
      description: "The last failures",
    },
    {
      command: "npm start -- show runs/kestrel-seed-1 3bb3097e --tokens",
      description: "Everything about one attempt, token by token",
    },
  ]),
);
