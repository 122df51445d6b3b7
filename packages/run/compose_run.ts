/** From a resolved configuration and its plugins to one layer that holds every part of the run. */
import {
  type Compute,
  type Curator,
  type Environment,
  type Format,
  type Playbook,
  type Policy,
  type Reflector,
  RunSeed,
  type Sandbox,
  Tracker,
} from "@resd/core";
import type { Seams } from "@resd/resd";
import { Context, Duration, Effect, Layer } from "effect";
import { valueAt } from "./config_values.ts";
import type { HostServices, RunLayers, SlotLayer } from "./define_run.ts";
import { type Listener, fanOut } from "./fan_out.ts";
import { formatLayer } from "./format_layer.ts";
import type { LoadedPlugin, LoadedPlugins } from "./load_plugins.ts";
import { PluginError } from "./plugin_error.ts";
import { policyLayer } from "./policy_layer.ts";
import type { RunConfig } from "./run_config.ts";

/** Why a part of a run could not be built; the message says which, and what to do. */
export type ComposeError = { readonly message: string };

const messageOf = (error: unknown): string =>
  String(valueAt(error, ["message"]) ?? JSON.stringify(error) ?? error);

/** Builds a layer of unknown make; whatever it fails with becomes an error that names the plugin. */
const guarded = <I, R>(
  use: string,
  layer: Layer.Layer<never, unknown, unknown>,
): Layer.Layer<I, PluginError, R> =>
  Layer.effectContext(
    Layer.build(layer as unknown as Layer.Layer<I, unknown, R>).pipe(
      Effect.mapError(
        (error) => new PluginError({ use, reason: "layer", message: messageOf(error) }),
      ),
    ),
  );

/** Tells the trackers that the model is being loaded, and how long it took. */
const announced = <I, E, R>(
  waitingFor: string,
  layer: Layer.Layer<I, E, R>,
): Layer.Layer<I, E, R | Tracker> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const { event } = yield* Tracker;
      yield* event({ _tag: "PhaseStarted", update: 0, phase: "load", waitingFor });
      const [taken, context] = yield* Effect.timed(Layer.build(layer));
      const seconds = Duration.toSeconds(taken);
      yield* event({ _tag: "PhaseEnded", update: 0, phase: "load", seconds });
      return context;
    }),
  );

/** What it takes to measure a policy: all parts but those that learn. */
export type MeasuringSeams = Exclude<Seams, Reflector | Curator | Playbook>;

/** What the parts of a run are made of. */
export interface Parts {
  readonly config: RunConfig;
  readonly plugins: LoadedPlugins;
  /** Layers in code; each takes the place of a plugin. */
  readonly layers: RunLayers;
  /** Receive every event first. */
  readonly listeners: ReadonlyArray<Listener>;
}

/** The layer of the plugin at a path of the configuration. */
export const pluginLayer = <I, R = never>({ plugins }: Parts, path: string): SlotLayer<I, R> => {
  const { found, module, options } = plugins.get(path) as LoadedPlugin;
  return guarded<I, HostServices | R>(found.use, module.layer(options));
};

/** The environment, with the sandbox that it needs, if it needs one. */
export const environmentLayer = (parts: Parts): SlotLayer<Environment> => {
  const { layers, plugins } = parts;
  if (layers.environment !== undefined) return layers.environment;
  const sandbox =
    layers.sandbox ?? (plugins.has("sandbox") ? pluginLayer<Sandbox>(parts, "sandbox") : undefined);
  return sandbox === undefined
    ? pluginLayer<Environment>(parts, "environment")
    : Layer.provide(pluginLayer<Environment, Sandbox>(parts, "environment"), sandbox);
};

const trackerLayer = (parts: Parts): SlotLayer<Tracker> =>
  Layer.effect(
    Tracker,
    Effect.gen(function* () {
      const listeners = [...parts.listeners];
      for (const [i, { use }] of parts.config.trackers.entries()) {
        const context = yield* Layer.build(pluginLayer<Tracker>(parts, `trackers.${i}`));
        listeners.push([use, Context.get(context, Tracker)]);
      }
      if (parts.layers.tracker !== undefined) {
        const context = yield* Layer.build(parts.layers.tracker);
        listeners.push(["custom", Context.get(context, Tracker)]);
      }
      return fanOut(listeners);
    }),
  );

/** What measures the similarity of lessons; without a plugin it goes by letters and words. */
const similarityLayer = (parts: Parts): SlotLayer<never> =>
  parts.layers.similarity ??
  (parts.plugins.has("similarity") ? pluginLayer<never>(parts, "similarity") : Layer.empty);

/** The environment, the policy with its format, and the trackers. Building the layer loads the model. */
export const composeMeasuring = (
  parts: Parts,
): Layer.Layer<MeasuringSeams, ComposeError, HostServices> => {
  const { config, layers } = parts;
  const policy =
    layers.policy === undefined
      ? Layer.provide(policyLayer(config), layers.compute ?? pluginLayer<Compute>(parts, "compute"))
      : layers.compute === undefined
        ? (layers.policy as SlotLayer<Policy>)
        : Layer.provide(layers.policy, layers.compute);
  return (layers.format ?? formatLayer(config)).pipe(
    Layer.provideMerge(announced(`the model in ${config.model}`, policy)),
    Layer.provideMerge(environmentLayer(parts)),
    Layer.provideMerge(similarityLayer(parts)),
    Layer.provideMerge(trackerLayer(parts)),
    Layer.provideMerge(Layer.succeed(RunSeed, config.seed)),
  );
};

/** Everything that a run is composed of, as one layer: what its own layers fill, and plugins for the rest. */
export const composeRun = (parts: Parts): Layer.Layer<Seams, ComposeError, HostServices> => {
  const { layers } = parts;
  type Asked = Policy | Format | Environment;
  return Layer.mergeAll(
    layers.reflector ?? pluginLayer<Reflector, Asked>(parts, "reflector"),
    layers.curator ?? pluginLayer<Curator, Asked>(parts, "curator"),
    layers.playbook ?? pluginLayer<Playbook>(parts, "playbook"),
    layers.schedule ?? Layer.empty,
  ).pipe(
    Layer.provideMerge(composeMeasuring(parts)),
    Layer.provide(Layer.succeed(RunSeed, parts.config.seed)),
  );
};
