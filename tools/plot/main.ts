/**
 * Draws the learning curves of finished runs as one SVG.
 *
 *     node tools/plot/main.ts runs/kestrel-seed-1 runs/kestrel-seed-2 --out docs/kestrel.svg
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Console, Effect, FileSystem } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { drawRuns } from "./draw.ts";
import { readRuns } from "./read_runs.ts";

const runs = Argument.String("run").pipe(
  Argument.withDescription("Folder of a finished run; one for each seed"),
  Argument.variadic({ min: 1 }),
);
const out = Flag.String("out").pipe(
  Flag.withDefault("curve.svg"),
  Flag.withDescription("File to write"),
);
const title = Flag.String("title").pipe(
  Flag.withDefault("Learning an undocumented chip from its own failures"),
  Flag.withDescription("Heading of the picture"),
);

const plot = Command.make("plot", { runs, out, title }, (given) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem;
    const curves = yield* readRuns(given.runs);
    yield* files.writeFileString(given.out, drawRuns(curves, given.title));
    yield* Console.log(`wrote ${given.out}`);
  }),
).pipe(
  Command.withDescription(
    "Held-out success of student and teacher against environment interactions, median and range over seeds",
  ),
);

plot.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
);
