/** The command line: verbs, their flags, and what becomes of failures. Each verb's code is loaded when it is asked for. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { Effect } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { splitArgs } from "./split_args.ts";

const { args, overrides } = splitArgs(process.argv.slice(2));

const file = Argument.String("file").pipe(
  Argument.withDescription("Configuration: a .toml, .json or .ts file"),
  Argument.optional,
);
const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print the summary as one line of JSON, and nothing else"),
  Flag.withDefault(false),
);
const dryRun = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Print the configuration, with where each value came from, and stop"),
  Flag.withDefault(false),
);

const train = Command.make("train", { file, json, dryRun }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./train.ts")),
    (verb) => verb.train({ ...input, overrides }),
  ),
).pipe(Command.withDescription("Train a policy by RESD"));

const resd = Command.make("resd").pipe(
  Command.withDescription(
    "RESD: a policy acts, what failed is turned into words, and the words teach the policy's own weights.",
  ),
  Command.withSubcommands([train]),
);

Command.runWith(resd, { version: "0.1.0" })(args).pipe(
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
);
