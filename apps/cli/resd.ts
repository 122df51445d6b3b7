/** The program: a command line in, an exit code out. 0 done, 1 failed with a reason, 130 interrupted. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { Effect, Layer } from "effect";
import { CliConfig, Command, GlobalFlag } from "effect/cli";
import { resd } from "./commands.ts";
import { failureText } from "./failure.ts";
import { APPLICATION } from "./application.ts";
import { presenter } from "./presenter.ts";
import { asksForJson, sayFailure } from "./say_failure.ts";
import { splitArgs } from "./split_args.ts";

const argv = process.argv.slice(2);
const { args, overrides } = splitArgs(argv);
const json = asksForJson(argv);

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
    return text === undefined ? Effect.void : sayFailure(text, json);
  }),
  Effect.provideService(CliConfig.CliConfig, {
    builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions],
  }),
  Effect.provide(Layer.merge(presenter(overrides, json), NodeServices.layer)),
  NodeRuntime.runMain({ disableErrorReporting: true }),
);
