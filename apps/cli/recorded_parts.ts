/** The parts of a recorded run, put together again to look at its policy: nothing of them learns. */
import {
  CUSTOM,
  type Override,
  type Parts,
  type RunConfig,
  type Values,
  configError,
  loadPlugins,
  resolveConfig,
} from "@resd/run";
import { Effect, type Option } from "effect";
import { readFileOption } from "./read_definition.ts";

const SLOTS_TO_MEASURE = ["environment", "compute", "similarity"] as const;

/** What is asked for beside the run. */
export interface PartsAsked {
  /** The words of the command line, for messages. */
  readonly verb: string;
  /** Laid over the configuration of the run, such as the folder of other weights. */
  readonly values: Values;
  /** The file whose layers the run was made of. */
  readonly file: Option.Option<string>;
  readonly overrides: ReadonlyArray<Override>;
}

/** Resolves the configuration of a run once more, with what is asked for laid over it, and loads its plugins. */
export const recordedParts = Effect.fnUntraced(function* (
  run: string,
  recorded: RunConfig,
  { verb, values, file, overrides }: PartsAsked,
) {
  const { layers } = yield* readFileOption(file);
  const source = `run ${run}`;
  const { config, sources } = yield* resolveConfig(
    [
      { source, values: { ...recorded } },
      { source, values: { ...values, trackers: [] } },
    ],
    overrides,
  );
  if (config.environment.use === CUSTOM && layers.environment === undefined) {
    const message = `Expected the file whose layers the run was made of, got none, at ${verb} ${run}; the environment was code: add --file <its .ts file>`;
    return yield* configError([{ path: "environment", source: run, message }]);
  }
  const plugins = yield* loadPlugins({ config, sources }, layers, SLOTS_TO_MEASURE);
  return { config, plugins, layers, listeners: [] } satisfies Parts;
});
