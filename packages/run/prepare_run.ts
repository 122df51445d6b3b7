/** A run, from its configuration to its summary. */
import { Format, Playbook, Policy, Tracker, fileFailureText } from "@resd/core";
import { type Summary, type TrainError, makeTotals, summaryOf, train } from "@resd/resd";
import { Cause, Clock, Effect, Exit, FileSystem, Layer, PlatformError, type Scope } from "effect";
import { checkpointPace } from "./checkpoint_pace.ts";
import { type Checkpoint, makeCheckpoints, rewind } from "./checkpoints.ts";
import { type ComposeError, composeRun } from "./compose_run.ts";
import { type HostServices, type RunDefinition, type RunLayers, partsOf } from "./define_run.ts";
import { demandSpace, diskNeed, stillToWrite } from "./disk_space.ts";
import { writeJson, writeWhole } from "./files.ts";
import { makeFileTracker } from "./file_tracker.ts";
import { keepBest } from "./keep_best.ts";
import { loadPlugins } from "./load_plugins.ts";
import { type ModelNotFoundError, withModelFolder } from "./model_finder.ts";
import { readProbes } from "./read_probes.ts";
import { giveReserveBack, takeReserve } from "./reserve.ts";
import { type Override, type ResolvedConfig, resolveConfig } from "./resolve_config.ts";
import {
  RunFolderError,
  type RunFiles,
  addResumption,
  makeRunFolder,
  runFolderOf,
  writePreface,
} from "./run_folder.ts";
import { RunHost } from "./run_host.ts";
import { type RunSummary, runSummary } from "./run_summary.ts";

/** A run whose folder is open and whose plugins are loaded. */
export interface PreparedRun {
  readonly resolved: ResolvedConfig;
  readonly files: RunFiles;
  /**
   * Loads the model, trains it, and saves it with the playbook. However that ends, by failure or interruption too,
   * summary.json is written; when it ends well, its contents are given.
   */
  readonly conduct: Effect.Effect<
    RunSummary,
    ComposeError | TrainError | RunFolderError | PlatformError.PlatformError,
    HostServices
  >;
}

const seconds = (nanos: bigint): number => Math.round(Number(nanos) / 1e3) / 1e6;

/** A run that goes on, with what it goes on from. */
export interface Resumed {
  readonly files: RunFiles;
  readonly checkpoint: Checkpoint;
  /** Hash of the weights that the run started from. */
  readonly weights: string | undefined;
  /** What is new on this machine, as a sentence; it is told to the trackers. */
  readonly changed: string | undefined;
}

/** Puts policy, playbook and files back to what they were at the checkpoint. */
const goBack = Effect.fnUntraced(function* ({ files, checkpoint, weights, changed }: Resumed) {
  const policy = yield* Policy;
  const found = yield* policy.version("student");
  if (weights !== undefined && weights !== found) {
    return yield* new RunFolderError({
      folder: files.folder,
      message: `Expected the weights ${weights} that the run started from, got ${found}; put the model back that it was started with`,
    });
  }
  yield* policy.load(checkpoint.policy);
  yield* (yield* Playbook).restore(checkpoint.playbook);
  yield* rewind(files, checkpoint);
  if (changed === undefined) return;
  const { updates: update } = checkpoint.train.totals;
  yield* (yield* Tracker).event({
    _tag: "Warned",
    update,
    code: "resumed-elsewhere",
    message: changed,
  });
});

/**
 * Makes the folder, loads the plugins and opens the files of a run. Faults of the configuration leave no folder behind.
 *
 * @param resumed the folder of a run that goes on instead: see `prepareResume`.
 */
export const prepareRun = Effect.fn("prepareRun")(function* (
  asked: ResolvedConfig,
  layers: RunLayers = {},
  resumed?: Resumed,
): Effect.fn.Return<
  PreparedRun,
  | ModelNotFoundError
  | Effect.Error<ReturnType<typeof loadPlugins>>
  | Effect.Error<ReturnType<typeof readProbes>>
  | Effect.Error<ReturnType<typeof makeRunFolder>>,
  HostServices | RunHost | Scope.Scope
> {
  // A misspelt plugin is told before a model is looked for, which may mean a download.
  const plugins = yield* loadPlugins(asked, layers);
  const resolved = layers.policy === undefined ? yield* withModelFolder(asked) : asked;
  const { config } = resolved;
  const { facts } = yield* RunHost;
  const fs = yield* FileSystem.FileSystem;
  const start = yield* Clock.monotonicTimeNanos;
  const elapsed = Effect.map(Clock.monotonicTimeNanos, (now) => seconds(now - start));
  const probes = yield* readProbes(config);
  const need = layers.policy === undefined ? yield* diskNeed(config) : undefined;
  if (need !== undefined) {
    yield* demandSpace(resumed?.files.folder ?? (yield* runFolderOf(config)), need);
  }
  const files = resumed?.files ?? (yield* makeRunFolder(config));
  const from = resumed?.checkpoint;
  const parts = {
    plugins: [...plugins.values()].map((plugin) => plugin.found),
    layers: Object.keys(layers),
  };
  if (from === undefined) yield* writePreface(files, resolved, facts, parts);
  else yield* addResumption(files, facts, from.train.totals.updates);
  yield* takeReserve(files);
  const tracker = yield* makeFileTracker(
    files,
    from && { sinceStart: from.sinceStart, views: from.views },
  );
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
    if (resumed === undefined) {
      const weights = yield* (yield* Policy).version("student");
      const { wording } = yield* Format;
      if (wording !== undefined) yield* writeWhole(files.prompts, wording.text);
      const known = { ...parts, ...(wording && { wording }) };
      yield* writePreface(files, resolved, facts, known, weights);
    } else {
      yield* goBack(resumed);
    }
    const keep = yield* keepBest(files);
    const pace = checkpointPace(config);
    const take = yield* makeCheckpoints(files, {
      asked: pace.asked,
      ...(need && { bytes: need.checkpoint, spare: pace.asked ? 0 : stillToWrite(need) }),
    });
    yield* train(config.resd, {
      name: config.name,
      keep,
      probes,
      checkpoint: { ...pace, keep: (state) => take(state, tracker) },
      ...(from && { from: from.train }),
    }).pipe(
      // A run that can no longer be recorded is not worth its time.
      Effect.raceFirst(tracker.broken),
      // What was learned before an interruption is worth keeping; if it cannot be kept, the first reason stands.
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(save))),
    );
    yield* save;
    yield* fs.remove(files.checkpoints, { recursive: true, force: true });
  });

  const counted = (wallSeconds: number): Summary =>
    summaryOf(makeTotals(), {
      name: config.name,
      seed: config.seed,
      wallSeconds,
      phases: {},
      finished: false,
    });

  /** What summary.json says of an ending. */
  const summarize = Effect.fnUntraced(function* (exit: Exit.Exit<void, unknown>) {
    const interrupted = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause);
    const outcome = Exit.isSuccess(exit) ? "finished" : interrupted ? "interrupted" : "failed";
    const wallSeconds = (yield* elapsed) + (from?.sinceStart ?? 0);
    return runSummary(tracker.ending() ?? counted(wallSeconds), {
      config,
      folder: files.folder,
      outcome,
      ...(Exit.isFailure(exit) && !interrupted ? { message: causeMessage(exit.cause) } : {}),
      views: tracker.views,
      wallSeconds,
      phases,
    });
  });

  const layer = composeRun({ config, plugins, layers, listeners: [["files", tracker]] });
  const executed = Effect.scoped(
    Effect.flatMap(Layer.build(layer), (seams) => Effect.provideContext(execute, seams)),
  );
  const conduct = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(restore(executed));
      const summary = yield* summarize(exit);
      yield* giveReserveBack(files);
      // A run that could not go on has nothing to add to what it has come to.
      if (from === undefined || tracker.ending() !== undefined)
        yield* writeJson(files.summary, summary);
      if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause);
      const unwritten = tracker.failure();
      if (unwritten !== undefined) return yield* Effect.fail(unwritten);
      return summary;
    }),
  );
  return { resolved, files, conduct };
});

/**
 * Runs what code defines: resolves it, makes its folder, trains, and gives the summary.
 *
 * @example
 * ```ts
 * const summary = yield* run(defineRun({ preset: "kestrel", config: { seed: 7 } }));
 * ```
 */
export const run = Effect.fn("run")(function* (
  definition: RunDefinition,
  overrides: ReadonlyArray<Override> = [],
) {
  const resolved = yield* resolveConfig(partsOf(definition, "code"), overrides);
  return yield* Effect.scoped(
    Effect.flatMap(prepareRun(resolved, definition.layers), ({ conduct }) => conduct),
  );
});

/** The message of a failure, without its trace. */
const causeMessage = (cause: Cause.Cause<unknown>): string => {
  const error: unknown = Cause.squash(cause);
  if (error instanceof PlatformError.PlatformError) return fileFailureText(error);
  return error instanceof Error ? error.message : String(error);
};
