/** The program: a command line in, an exit code out. 0 done, 1 failed with a reason, 130 interrupted. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { Console, Effect } from "effect";
import { CliConfig, Command, GlobalFlag } from "effect/cli";
import { resd } from "./commands.ts";
import { failureText } from "./failure.ts";
import { APPLICATION } from "./application.ts";
import { inkFor } from "./ink.ts";
import { splitArgs } from "./split_args.ts";

const { args, overrides } = splitArgs(process.argv.slice(2));

/** The first Ctrl-C ends the run and saves it; npm passes it on once more. A later one means: now. */
const SAME_SIGNAL_MILLIS = 2000;
let interruptedAt: number | undefined;
process.on("SIGINT", () => {
  interruptedAt ??= performance.now();
  if (performance.now() - interruptedAt > SAME_SIGNAL_MILLIS) process.exit(130);
});

Command.runWith(resd(overrides), { version: APPLICATION.version })(args).pipe(
  Effect.tapCause((cause) => {
    const text = failureText(cause);
    return text === undefined
      ? Effect.void
      : Console.error(`${inkFor(process.stderr)("red", "error")}  ${text}`);
  }),
  Effect.provideService(CliConfig.CliConfig, {
    builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions],
  }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
);
