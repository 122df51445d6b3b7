/** The plugins of a configuration: found, loaded, and their options compared with what they know. */
import { type Manifest, Sampling } from "@resd/core";
import { Effect, type FileSystem, type Path, Result, Schema } from "effect";
import { type ConfigError, type ConfigFault, configError } from "./config_error.ts";
import type { Sources } from "./config_values.ts";
import type { RunLayers } from "./define_run.ts";
import { isInherited } from "./ineffective.ts";
import { PluginError } from "./plugin_error.ts";
import { type ResolvedConfig, schemaFaults } from "./resolve_config.ts";
import { type FoundPlugin, type PluginModule, findPlugin, loadPlugin } from "./resolve_plugin.ts";
import {
  CUSTOM,
  LEXICAL,
  type PluginChoice,
  type RunConfig,
  SLOTS,
  type Slot,
} from "./run_config.ts";
import type { RunHost } from "./run_host.ts";
import { keysOf, writtenSide } from "./schema_paths.ts";
import { unknownKeys } from "./unknown_keys.ts";

/** Where a choice stands in the configuration, what it names, and its code. */
export interface LoadedPlugin {
  readonly path: string;
  readonly found: FoundPlugin;
  readonly module: PluginModule;
  readonly options: Readonly<Record<string, unknown>>;
}

/** All plugins of a configuration, by where they stand. */
export type LoadedPlugins = ReadonlyMap<string, LoadedPlugin>;

/** All that a run may name a plugin for. */
const EVERYTHING = [...(Object.keys(SLOTS) as Array<Slot>), "trackers"] as const;

/** What the slot `sandbox` provides. */
const SANDBOX_NEED = "sandbox:js";
/** Services that no part of a run provides. */
const UNMET_NEEDS: ReadonlyArray<Manifest["needs"][number]> = [
  "sandbox:python",
  "sandbox:shell",
  "judge",
];

/**
 * Values of the run's Schema that are handed to plugins which ask a model and say nothing else themselves. Where nothing is
 * reflected upon they are asked nothing, so that a preset's numbers do not have to suit the model.
 */
const withReflectSampling = (
  slot: Slot | "trackers",
  module: PluginModule,
  options: Readonly<Record<string, unknown>>,
  { resd }: RunConfig,
): Readonly<Record<string, unknown>> => {
  if ((slot !== "reflector" && slot !== "curator") || !resd.reflect) return options;
  const known = keysOf(writtenSide(module.Options)) ?? [];
  const handed = Object.keys(Sampling.fields).filter((key) => known.includes(key));
  return {
    ...Object.fromEntries(handed.map((key) => [key, resd.sampling.reflect[key as keyof Sampling]])),
    ...options,
  };
};

/** What is wrong with the options of a plugin: keys that it does not know, then values that it refuses. */
const optionFaults = (
  { module, options }: LoadedPlugin,
  sources: Sources,
  prefix: string,
): ReadonlyArray<ConfigFault> => {
  const unknown = unknownKeys(module.Options, options, sources, prefix);
  if (unknown.length > 0) return unknown;
  const decode = Schema.decodeUnknownResult(module.Options as Schema.Codec<unknown, unknown>);
  const decoded = decode(options, { errors: "all" });
  return Result.isSuccess(decoded)
    ? []
    : schemaFaults(decoded.failure.issue, options, sources, prefix);
};

/** Where a choice stands, the slot that it fills, and the choice. */
type Place = readonly [path: string, slot: Slot | "trackers", choice: PluginChoice];

/** Finds plugins, then loads them: the manifests of all are read before the code of any is imported. */
const loadPlaces = Effect.fnUntraced(function* (places: ReadonlyArray<Place>, config: RunConfig) {
  const found = yield* Effect.forEach(places, ([path, slot, choice]) =>
    Effect.map(findPlugin(slot === "trackers" ? "tracker" : SLOTS[slot], choice.use), (plugin) => ({
      path,
      slot,
      choice,
      plugin,
    })),
  );
  return yield* Effect.forEach(
    found,
    ({ path, slot, choice, plugin }) =>
      Effect.map(loadPlugin(plugin), (module): readonly [string, LoadedPlugin] => [
        path,
        {
          path,
          found: plugin,
          module,
          options: withReflectSampling(slot, module, choice.options, config),
        },
      ]),
    { concurrency: "unbounded" },
  );
});

/** Refuses an environment that needs what no run has. */
const meetNeeds = ({ found: plugin, module }: LoadedPlugin): Effect.Effect<void, PluginError> => {
  const unmet = (module.manifest?.needs ?? []).filter((need) => UNMET_NEEDS.includes(need));
  return unmet.length === 0
    ? Effect.void
    : Effect.fail(
        new PluginError({
          use: plugin.use,
          reason: "layer",
          message: `Expected a plugin whose needs a run can meet, got ${plugin.package}, which needs ${unmet.join(", ")}; give its layer in code, with these services provided: defineRun({ layers: { … } })`,
        }),
      );
};

/** Values that were given for a sandbox which nobody asks. */
const idleSandbox = ({ environment, sandbox }: RunConfig, sources: Sources) =>
  [...sources].flatMap(([path, source]): ReadonlyArray<ConfigFault> =>
    path.startsWith("sandbox.") && sandbox.use !== CUSTOM && !isInherited(source)
      ? [
          {
            path,
            source,
            message: `Expected values that have an effect, got ${path}, at ${source}, but the environment ${environment.use} runs no code; leave it out`,
          },
        ]
      : [],
  );

/**
 * Finds all plugins of a configuration, then loads them and compares their options with what they know. Manifests of all
 * are read before the code of any is imported. A sandbox is looked for when the environment says that it needs one.
 *
 * @param wanted the slots to fill, all unless given; a sandbox comes with its environment.
 */
export const loadPlugins = Effect.fn("loadPlugins")(function* (
  { config, sources }: ResolvedConfig,
  layers: RunLayers,
  wanted: ReadonlyArray<Slot | "trackers"> = EVERYTHING,
): Effect.fn.Return<
  LoadedPlugins,
  ConfigError | PluginError,
  FileSystem.FileSystem | Path.Path | RunHost
> {
  const needed = (slot: Slot | "trackers"): boolean =>
    wanted.includes(slot) &&
    slot !== "sandbox" &&
    !(slot === "similarity" && config.similarity.use === LEXICAL) &&
    (slot === "trackers" || config[slot].use !== CUSTOM) &&
    // With a policy in code nothing is computed.
    !(slot === "compute" && layers.policy !== undefined);
  const loaded = yield* loadPlaces(
    [
      ...(Object.keys(SLOTS) as Array<Slot>)
        .filter(needed)
        .map((slot): Place => [slot, slot, config[slot]]),
      ...(needed("trackers") ? config.trackers : []).map((choice, i): Place => [
        `trackers.${i}`,
        "trackers",
        choice,
      ]),
    ],
    config,
  );
  for (const [, plugin] of loaded) yield* meetNeeds(plugin);

  const environment = loaded.find(([path]) => path === "environment")?.[1];
  const sandboxed =
    environment?.module.manifest?.needs.includes(SANDBOX_NEED) === true &&
    config.sandbox.use !== CUSTOM;
  const all = sandboxed
    ? [...loaded, ...(yield* loadPlaces([["sandbox", "sandbox", config.sandbox]], config))]
    : loaded;

  const known: Sources = new Map(Object.entries(sources));
  const faults = [
    ...all.flatMap(([path, plugin]) => optionFaults(plugin, known, `${path}.options`)),
    ...(wanted.includes("environment") && !sandboxed ? idleSandbox(config, known) : []),
  ];
  if (faults.length > 0) return yield* configError(faults);
  return new Map(all);
});
