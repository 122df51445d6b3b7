/**
 * Prints finished runs as the tables of docs/results.md: one run a row, and the seconds by phase.
 *
 *     node tools/plot/results.ts runs/kestrel-seed-1 runs/kestrel-seed-2
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Console, Effect } from "effect";
import { Argument, Command } from "effect/cli";
import { readRuns } from "./read_runs.ts";
import { resultsTable } from "./results_table.ts";

const runs = Argument.String("run").pipe(
  Argument.withDescription("Folder of a finished run; one for each seed"),
  Argument.variadic({ min: 1 }),
);

const results = Command.make("results", { runs }, (given) =>
  Effect.flatMap(readRuns(given.runs), (read) => Console.log(resultsTable(read))),
).pipe(Command.withDescription("Runs of one variant as Markdown tables"));

results.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
);
