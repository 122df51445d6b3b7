/** A run, from its configuration to its summary. */
import { Playbook, Policy } from "@resd/core";
import {
  type Seams,
  type Summary,
  type TrainError,
  makeTotals,
  summaryOf,
  train,
} from "@resd/resd";
import {
  Cause,
  Clock,
  Effect,
  Exit,
  FileSystem,
  type Layer,
  type PlatformError,
  type Scope,
} from "effect";
import { type ComposeError, composeRun } from "./compose_run.ts";
import type { HostServices, RunLayers } from "./define_run.ts";
import { writeJson, writeWhole } from "./files.ts";
import { makeFileTracker } from "./file_tracker.ts";
import { loadPlugins } from "./load_plugins.ts";
import type { ResolvedConfig } from "./resolve_config.ts";
import { type RunFiles, makeRunFolder, writePreface } from "./run_folder.ts";
import { RunHost } from "./run_host.ts";
import { type RunSummary, runSummary } from "./run_summary.ts";

/** A run whose folder is open and whose plugins are loaded; what is left is to provide its layer and to execute it. */
export interface PreparedRun {
  readonly resolved: ResolvedConfig;
  readonly files: RunFiles;
  /** Every part of the run. Building it loads the model. */
  readonly layer: Layer.Layer<Seams, ComposeError, HostServices>;
  /** Trains, then saves the model and the playbook. */
  readonly execute: Effect.Effect<
    void,
    TrainError | PlatformError.PlatformError,
    Seams | FileSystem.FileSystem
  >;
  /**
   * Writes summary.json when the effect ends, however it ends, and gives its contents. The effect is `execute` with the
   * layer provided, so that a run whose parts could not be built has a summary too.
   */
  readonly recorded: <E, R>(
    effect: Effect.Effect<void, E, R>,
  ) => Effect.Effect<RunSummary, E | PlatformError.PlatformError, R | FileSystem.FileSystem>;
}

const seconds = (nanos: bigint): number => Math.round(Number(nanos) / 1e3) / 1e6;

/** Makes the folder, loads the plugins and opens the files of a run. Faults of the configuration leave no folder behind. */
export const prepareRun = Effect.fn("prepareRun")(function* (
  resolved: ResolvedConfig,
  layers: RunLayers = {},
): Effect.fn.Return<
  PreparedRun,
  Effect.Error<ReturnType<typeof loadPlugins>> | Effect.Error<ReturnType<typeof makeRunFolder>>,
  HostServices | RunHost | Scope.Scope
> {
  const { config } = resolved;
  const { facts } = yield* RunHost;
  const start = yield* Clock.monotonicTimeNanos;
  const elapsed = Effect.map(Clock.monotonicTimeNanos, (now) => seconds(now - start));
  const plugins = yield* loadPlugins(resolved, layers);
  const files = yield* makeRunFolder(config);
  yield* writePreface(
    files,
    resolved,
    facts,
    [...plugins.values()].map((plugin) => plugin.found),
  );
  const tracker = yield* makeFileTracker(files);
  const phases: Record<string, number> = {};

  const save = Effect.gen(function* () {
    const before = yield* Clock.monotonicTimeNanos;
    yield* (yield* Policy).save(files.model, "weights");
    const snapshot = yield* (yield* Playbook).snapshot;
    yield* writeWhole(files.playbookSnapshot, new TextDecoder().decode(snapshot));
    phases["save"] = seconds((yield* Clock.monotonicTimeNanos) - before);
  });

  const execute = Effect.gen(function* () {
    phases["load"] = yield* elapsed;
    yield* train(config.resd, { variant: config.variant }).pipe(
      // What was learned before an interruption is worth keeping; if it cannot be kept, the first reason stands.
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(save))),
    );
    yield* save;
  });

  const counted = (wallSeconds: number): Summary =>
    summaryOf(makeTotals(), {
      variant: config.variant,
      seed: config.seed,
      wallSeconds,
      phases: {},
      finished: false,
    });

  const recorded = <E, R>(effect: Effect.Effect<void, E, R>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(restore(effect));
        const ending = tracker.ending();
        const interrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause);
        const outcome = Exit.isSuccess(exit) ? "finished" : interrupted ? "interrupted" : "failed";
        const wallSeconds = yield* elapsed;
        const summary = runSummary(ending?.summary ?? counted(wallSeconds), {
          config,
          folder: files.folder,
          outcome,
          ...(Exit.isFailure(exit) && !interrupted ? { message: causeMessage(exit.cause) } : {}),
          views: tracker.views,
          wallSeconds,
          phases,
        });
        yield* writeJson(files.summary, summary);
        if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause);
        const unwritten = tracker.failure();
        if (unwritten !== undefined) return yield* Effect.fail(unwritten);
        return summary;
      }),
    );

  return {
    resolved,
    files,
    layer: composeRun(config, plugins, layers, tracker),
    execute,
    recorded,
  };
});

/** The message of a failure, without its trace. */
const causeMessage = (cause: Cause.Cause<unknown>): string => {
  const error: unknown = Cause.squash(cause);
  return error instanceof Error ? error.message : String(error);
};
