/** `resd train`: resolves the configuration, composes the run, trains, reports. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type ConfigPart,
  type Override,
  type ResolvedConfig,
  prepareRun,
  readConfigFile,
  resolveConfig,
  RunHost,
} from "@resd/run";
import { Console, Effect, Logger, Option } from "effect";
import { hostLayer, ROOT } from "./host.ts";

export interface TrainInput {
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** The model that comes with the application, wherever it is started from. */
const shipped: ReadonlyArray<ConfigPart> = existsSync("models/kestrel")
  ? []
  : [{ source: "defaults", values: { model: join(ROOT, "models/kestrel") } }];

/** The configuration of a command line, with the layers of its file. */
export const readRun = Effect.fnUntraced(function* (
  file: Option.Option<string>,
  overrides: ReadonlyArray<Override>,
) {
  const { importModule } = yield* RunHost;
  const { parts, layers } = Option.isSome(file)
    ? yield* readConfigFile(file.value, importModule)
    : { parts: [], layers: {} };
  const resolved = yield* resolveConfig([...shipped, ...parts], overrides);
  return { resolved, layers };
});

/** With machine-readable output nothing else may be written to the terminal. */
const withoutConsole = (resolved: ResolvedConfig): ResolvedConfig => ({
  ...resolved,
  config: {
    ...resolved.config,
    trackers: resolved.config.trackers.filter(({ use }) => use !== "console"),
  },
});

export const train = Effect.fnUntraced(
  function* (input: TrainInput) {
    const { resolved, layers } = yield* readRun(input.file, input.overrides);
    if (input.dryRun) return yield* Console.log(JSON.stringify(resolved, undefined, 2));
    const run = yield* prepareRun(input.json ? withoutConsole(resolved) : resolved, layers);
    const log = yield* Logger.toFile(Logger.formatLogFmt, run.files.log, { flag: "a" });
    const summary = yield* run.conduct.pipe(Effect.provide(Logger.layer([log])));
  yield* Console.log(
      input.json ? JSON.stringify(summary) : JSON.stringify(summary, undefined, 2),
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
