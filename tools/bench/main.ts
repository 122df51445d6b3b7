/**
 * Measures what the documentation states.
 *
 *     npm run bench -- cpu
 *     npm run bench -- cpu --json --threads 1 --only "train step"
 *     npm run bench -- model --repeats 3
 *     npm run bench -- memory
 *     npm run bench -- webgpu --adapter nvidia
 *     npm run bench -- resd
 *     npm run bench -- environments
 *     npm run bench -- playbooks
 */
import { availableParallelism } from "node:os";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Console, Effect, Schema } from "effect";
import { Command, Flag } from "effect/cli";
import { cpuSuite } from "./cpu_suite.ts";
import { environmentSuite } from "./environment_suite.ts";
import type { Measurement, SuiteOptions } from "./measurement.ts";
import { memorySuite } from "./memory_suite.ts";
import { modelSuite } from "./model_suite.ts";
import { playbookSuite } from "./playbook_suite.ts";
import { resdSuite } from "./resd_suite.ts";
import { table } from "./table.ts";
import { webgpuSuite } from "./webgpu_suite.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDefault(false),
    Flag.withDescription("Print a JSON array; ratio > 1 means that ours is better"),
  ),
  threads: Flag.Int("threads").pipe(
    Flag.withSchema(Positive),
    Flag.withDefault(availableParallelism()),
    Flag.withDescription("Threads of both sides; all cores unless given"),
  ),
  repeats: Flag.Int("repeats").pipe(
    Flag.withSchema(Positive),
    Flag.withDefault(10),
    Flag.withDescription("Timed repeats (or updates) of each side, taken in turns"),
  ),
  only: Flag.String("only").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Take only the measurements whose name contains this text"),
  ),
};

const printed =
  <E, R>(suite: (options: SuiteOptions) => Effect.Effect<ReadonlyArray<Measurement>, E, R>) =>
  (options: SuiteOptions & { readonly json: boolean }) =>
    Effect.flatMap(suite(options), (rows) =>
      Console.log(options.json ? JSON.stringify(rows, null, 2) : table(rows)),
    );

const cpu = Command.make("cpu", flags, printed(cpuSuite)).pipe(
  Command.withDescription(
    "Training steps and greedy generation at 1 M and 30 M parameters, beside PyTorch eager",
  ),
);

const model = Command.make("model", flags, printed(modelSuite)).pipe(
  Command.withDescription(
    "Training steps and greedy generation of 30 M and 135 M parameters (the shape of SmolLM2-135M) beside PyTorch eager, with the most memory that each side takes; and refilled rows beside batches, one after another",
  ),
);

const memory = Command.make("memory", flags, printed(memorySuite)).pipe(
  Command.withDescription(
    "The memory that resd plan says an update takes, beside the most that a process took while it made some",
  ),
);

const resd = Command.make("resd", flags, printed(resdSuite)).pipe(
  Command.withDescription(
    "An update of the default run by phase, beside the same run without reflection and playbook",
  ),
);

const environments = Command.make("environments", flags, printed(environmentSuite)).pipe(
  Command.withDescription(
    "Episodes a second of every environment on its own: a task drawn, opened, answered and graded",
  ),
);

const playbooks = Command.make("playbooks", flags, printed(playbookSuite)).pipe(
  Command.withDescription(
    "Operations a second on playbooks of 200 and 20,000 entries: in memory, in a SQLite file, and flushed to the disk",
  ),
);

const webgpuFlags = {
  ...flags,
  adapter: Flag.String("adapter").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Number or name of the adapter, as npm start -- doctor lists them"),
  ),
};

const webgpu = Command.make("webgpu", webgpuFlags, ({ adapter, ...options }) =>
  printed(webgpuSuite(adapter))(options),
).pipe(
  Command.withDescription(
    "Products of matrices and a training step on one GPU, beside jax-js and ONNX Runtime's kernels for WebGPU",
  ),
);

const bench = Command.make("bench").pipe(
  Command.withDescription("Measures what the documentation states"),
  Command.withSubcommands([cpu, model, memory, webgpu, resd, environments, playbooks]),
);

bench.pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
);
