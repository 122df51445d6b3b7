/** `resd train`: resolves the configuration, trains, reports. */
import {
  type Override,
  type PreparedRun,
  type ResolvedConfig,
  configError,
  prepareResume,
  prepareRun,
} from "@resd/run";
import { Cause, Console, Effect, Exit, Logger, Option } from "effect";
import { existsSync } from "node:fs";
import { demandReader } from "./demand_reader.ts";
import { exampleAttempts } from "./examples.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { readDefinition, readFileOption } from "./read_definition.ts";
import { report } from "./report.ts";

export interface TrainInput {
  readonly file: Option.Option<string>;
  readonly json: boolean;
  /** Folder of a run that was cut off. */
  readonly resume: Option.Option<string>;
  readonly dryRun: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** With machine-readable output nothing else is written to the terminal. */
const withoutConsole = (resolved: ResolvedConfig): ResolvedConfig => ({
  ...resolved,
  config: {
    ...resolved.config,
    trackers: resolved.config.trackers.filter(({ use }) => use !== "console"),
  },
});

/** Says where to look when a run did not end well. */
const sayWhere = (
  { folder, checkpoints }: PreparedRun["files"],
  exit: Exit.Exit<unknown, unknown>,
) => {
  if (Exit.isSuccess(exit)) return Effect.void;
  const what = Cause.hasInterruptsOnly(exit.cause) ? "Interrupted" : "The run failed";
  const further = existsSync(checkpoints) ? ` --resume ${folder} goes on.` : "";
  return Console.error(
    `${what}. What there is until then lies in ${folder} (run.log, summary.json).${further}`,
  );
};

/** A new run, or one that goes on; undefined where only its configuration was asked for. */
const prepare = Effect.fnUntraced(function* ({
  file,
  json,
  resume,
  dryRun,
  overrides,
}: TrainInput) {
  const adapt = json ? withoutConsole : (resolved: ResolvedConfig) => resolved;
  if (Option.isSome(resume)) {
    if (dryRun) {
      const message =
        "Expected --resume or --dry-run, got both; the configuration of a run is its config.resolved.json";
      return yield* configError([{ path: "resume", source: "--resume", message }]);
    }
    const { parts, layers } = yield* readFileOption(file);
    return yield* prepareResume({ folder: resume.value, parts, overrides, layers }, adapt);
  }
  const { resolved, layers } = yield* readDefinition(file, overrides);
  if (dryRun) return yield* Console.log(JSON.stringify(resolved, undefined, 2));
  yield* demandReader(resolved);
  return yield* prepareRun(adapt(resolved), layers);
});

export const train = Effect.fnUntraced(
  function* (input: TrainInput) {
    const prepared = yield* prepare(input);
    if (prepared === undefined) return;
    const { files, conduct } = prepared;
    const log = yield* Logger.toFile(Logger.formatLogFmt, files.log, { flag: "a" });
    const summary = yield* conduct.pipe(
      Effect.provide(Logger.layer([log])),
      Effect.onExit((exit) => sayWhere(files, exit)),
    );
    if (input.json) return yield* Console.log(JSON.stringify(summary));
    const examples = yield* exampleAttempts(files, summary.updates);
    const columns = process.stdout.columns || 80;
    yield* Console.log(
      `\n${report(summary, examples, { columns, ink: inkFor(process.stdout), args: process.argv.slice(2) })}`,
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
