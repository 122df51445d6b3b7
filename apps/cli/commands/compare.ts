/** The flags and the help of `resd compare`. */
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json } from "../flags.ts";

export const compare = Command.make(
  "compare",
  {
    matrix: Argument.String("matrix").pipe(
      Argument.withDescription("Matrix of variants and seeds: a .json or .ts file"),
    ),
    jobs: Flag.Int("jobs").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      Flag.withDescription(
        "Cells that run at the same time; as many as there are cores unless given",
      ),
      Flag.optional,
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("Folder of the report; runs/compare/<name of the file> unless given"),
      Flag.optional,
    ),
    cells: Flag.String("cells").pipe(
      Flag.withDescription("Folder of the runs; comparisons share what they have in common"),
      Flag.withDefault("runs/cells"),
    ),
    report: Flag.Boolean("report").pipe(
      Flag.withDescription("Run nothing, and report what has been run so far"),
      Flag.withDefault(false),
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say which cells there are and which of them have been run, and stop"),
      Flag.withDefault(false),
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../compare.ts")),
      (verb) => verb.compare(input),
    ),
).pipe(
  Command.withDescription(
    "Run every variant of a matrix on every seed, each in a process of its own, and report curves, crossings, ratios and claims with bootstrap intervals paired by seed. What has been run before is not run again; Ctrl-C leaves everything readable, and the same command goes on.",
  ),
  Command.withShortDescription("Compare variants over seeds, with intervals"),
  Command.withExamples([
    { command: "npm start -- compare experiments/main.json", description: "The main table" },
    {
      command: "npm start -- compare experiments/main.json --jobs 1 --json",
      description: "One run at a time; the whole result for a program",
    },
  ]),
);
