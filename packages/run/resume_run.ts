/** A run that was cut off, prepared to go on. */
import { Effect, FileSystem, type PlatformError, Schema, type Scope } from "effect";
import { readCheckpoint } from "./checkpoints.ts";
import { type ConfigError, configError } from "./config_error.ts";
import { type Values, changesBetween, isValues, sourceAt, valueAt } from "./config_values.ts";
import type { HostServices, RunLayers } from "./define_run.ts";
import { type PreparedRun, type Resumed, prepareRun } from "./prepare_run.ts";
import {
  type ConfigPart,
  type Override,
  type ResolvedConfig,
  resolveConfig,
} from "./resolve_config.ts";
import { RunConfig } from "./run_config.ts";
import { RunFolderError, type RunFiles, runFiles } from "./run_folder.ts";
import { type HostFacts, RunHost } from "./run_host.ts";

/** What a person says of a run beside its folder; nothing of it may differ from what the run was started with. */
export interface ResumeRequest {
  readonly folder: string;
  readonly parts?: ReadonlyArray<ConfigPart>;
  readonly overrides?: ReadonlyArray<Override>;
  /** Layers in code are no data: a run that had some needs them again. */
  readonly layers?: RunLayers;
}

const Recorded = Schema.Struct({
  config: RunConfig,
  sources: Schema.Record(Schema.String, Schema.String),
});

/** What run.json says that matters here. */
const RunFacts = Schema.Struct({
  versions: Schema.Record(Schema.String, Schema.String),
  hardware: Schema.Struct({ processor: Schema.String, cores: Schema.Int }),
  weights: Schema.optionalKey(Schema.String),
  layers: Schema.Array(Schema.String),
});

/** Leaves of values, by dotted path. */
const leavesOf = (values: Values, path = ""): ReadonlyArray<string> =>
  Object.entries(values).flatMap(([key, value]) => {
    const at = path === "" ? key : `${path}.${key}`;
    return isValues(value) && Object.keys(value).length > 0 ? leavesOf(value, at) : [at];
  });

/** Refuses every value that is not the one that the run was started with. */
const demandSame = Effect.fnUntraced(function* (
  { folder, parts = [], overrides = [] }: ResumeRequest,
  recorded: Values,
): Effect.fn.Return<void, ConfigError> {
  if (parts.length === 0 && overrides.length === 0) return;
  const asked = yield* resolveConfig(
    [{ source: `run ${folder}`, values: recorded }, ...parts],
    overrides,
  );
  const now = yield* Effect.orDie(Schema.encodeEffect(RunConfig)(asked.config));
  const faults = leavesOf(changesBetween(recorded, now)).map((path) => {
    const source = sourceAt(new Map(Object.entries(asked.sources)), path);
    const [before, after] = [recorded, now].map(
      (values) => JSON.stringify(valueAt(values, path.split("."))) ?? "no value",
    );
    const message = `Expected ${path} as the run was started with, ${before}, got ${after}, at ${source}; leave it out, or start a new run`;
    return { path, source, message };
  });
  if (faults.length > 0) return yield* configError(faults);
});

/** Why the numbers may not be those of the run that was not cut off; undefined where nothing is known to differ. */
const changesOf = (before: typeof RunFacts.Type, now: HostFacts): string | undefined => {
  const names = [...new Set([...Object.keys(before.versions), ...Object.keys(now.versions)])];
  const changes = [
    ...names.map((name) => [name, before.versions[name], now.versions[name]] as const),
    ["the processor", before.hardware.processor, now.hardware.processor] as const,
    ["the number of cores", before.hardware.cores, now.hardware.cores] as const,
  ].filter(([, old, present]) => old !== present);
  return changes.length === 0
    ? undefined
    : `From here on numbers may differ from those of a run that was never cut off: ${changes.map(([name, old, present]) => `${name} was ${old ?? "absent"} and is ${present ?? "absent"}`).join(", ")}`;
};

/** Reads a file of the run. */
const read = Effect.fnUntraced(function* <A, I>(
  { folder }: RunFiles,
  path: string,
  schema: Schema.Codec<A, I>,
) {
  const fs = yield* FileSystem.FileSystem;
  const refuse = (message: string) => new RunFolderError({ folder, message });
  if (!(yield* fs.exists(path))) {
    return yield* refuse(
      `Expected ${path}, got no such file; give the folder of a run, such as runs/kestrel-seed-1`,
    );
  }
  return yield* Schema.decodeEffect(Schema.fromJsonString(schema), { errors: "all" })(
    yield* fs.readFileString(path),
  ).pipe(
    Effect.mapError(({ message }) =>
      refuse(
        `Expected what this version writes, got something else, at ${path}: ${message}; go on with the version that made it (run.json)`,
      ),
    ),
  );
});

/** Reads what a run needs to go on, and refuses what would make another run of it. Nothing is changed yet. */
const readResumed = Effect.fnUntraced(function* (
  request: ResumeRequest,
): Effect.fn.Return<
  { readonly resolved: ResolvedConfig; readonly resumed: Resumed },
  ConfigError | RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem | RunHost
> {
  const fs = yield* FileSystem.FileSystem;
  const files = runFiles(request.folder);
  const refuse = (message: string) => new RunFolderError({ folder: files.folder, message });
  const resolved = yield* read(files, files.config, Recorded);
  yield* demandSame(request, yield* Effect.orDie(Schema.encodeEffect(RunConfig)(resolved.config)));
  if (yield* fs.exists(files.summary)) {
    const ended = Schema.Struct({ outcome: Schema.String });
    if ((yield* read(files, files.summary, ended)).outcome === "finished") {
      return yield* refuse(
        `Expected a run that was cut off, got one that has finished, at ${files.folder}; start another with --model ${files.model}`,
      );
    }
  }
  const known = yield* read(files, files.run, RunFacts);
  const given = Object.keys(request.layers ?? {});
  const [missing] = known.layers.filter((slot) => !given.includes(slot));
  const [surplus] = given.filter((slot) => !known.layers.includes(slot));
  if (missing !== undefined || surplus !== undefined) {
    return yield* refuse(
      `Expected the layers in code that the run was started with (${known.layers.join(", ") || "none"}), got ${given.join(", ") || "none"}, at ${files.folder}; give the .ts file that it was started with`,
    );
  }
  const checkpoint = yield* readCheckpoint(files);
  const { facts } = yield* RunHost;
  const { prompts } = resolved.config;
  return {
    resolved: {
      ...resolved,
      // The wording that the run has kept; the file that it came from may be another by now.
      config: { ...resolved.config, ...(prompts === undefined ? {} : { prompts: files.prompts }) },
    },
    resumed: {
      files,
      checkpoint,
      weights: known.weights,
      changed: changesOf(known, facts),
    },
  };
});

/**
 * Prepares a run that was cut off to go on from its newest checkpoint, in its own folder. What it writes from there on is what it would have
 * written: everything later than the checkpoint is taken back, a line that was cut off too.
 *
 * Fails with a ConfigError that names every value that differs from those of the run, and with a RunFolderError where there is nothing to go
 * on from.
 *
 * @param adapt changes what does not decide a number, such as who listens.
 */
export const prepareResume = Effect.fn("prepareResume")(function* (
  request: ResumeRequest,
  adapt: (resolved: ResolvedConfig) => ResolvedConfig = (resolved) => resolved,
): Effect.fn.Return<
  PreparedRun,
  | ConfigError
  | RunFolderError
  | PlatformError.PlatformError
  | Effect.Error<ReturnType<typeof prepareRun>>,
  HostServices | RunHost | Scope.Scope
> {
  const { resolved, resumed } = yield* readResumed(request);
  return yield* prepareRun(adapt(resolved), request.layers, resumed);
});
