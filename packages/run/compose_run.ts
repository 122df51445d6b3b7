/** From a resolved configuration and its plugins to one layer that holds every part of the run. */
import {
  type Compute,
  type Curator,
  type Environment,
  type Playbook,
  type Reflector,
  RunSeed,
  Tracker,
} from "@resd/core";
import type { Seams } from "@resd/resd";
import { Context, Duration, Effect, Layer } from "effect";
import { valueAt } from "./config_values.ts";
import type { HostServices, RunLayers, SlotLayer } from "./define_run.ts";
import { fanOut } from "./fan_out.ts";
import type { FileTracker } from "./file_tracker.ts";
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

/**
 * Everything that a run is composed of, as one layer: what the run's own layers fill, and plugins for the rest. Building it
 * loads the model.
 *
 * @param files receives every event first.
 */
export const composeRun = (
  config: RunConfig,
  plugins: LoadedPlugins,
  layers: RunLayers,
  files: FileTracker,
): Layer.Layer<Seams, ComposeError, HostServices> => {
  const plugin = <I, R = never>(path: string): SlotLayer<I, R> => {
    const { found, module, options } = plugins.get(path) as LoadedPlugin;
    return guarded<I, HostServices | R>(found.use, module.layer(options));
  };

  const trackers = Layer.effect(
    Tracker,
    Effect.gen(function* () {
      const listeners: Array<readonly [string, Tracker["Service"]]> = [["files", files]];
      for (const [i, { use }] of config.trackers.entries()) {
        const context = yield* Layer.build(plugin<Tracker>(`trackers.${i}`));
        listeners.push([use, Context.get(context, Tracker)]);
      }
      if (layers.tracker !== undefined) {
        const context = yield* Layer.build(layers.tracker);
        listeners.push(["custom", Context.get(context, Tracker)]);
      }
      return fanOut(listeners);
    }),
  );
  const environment = layers.environment ?? plugin<Environment>("environment");
  const playbook = layers.playbook ?? plugin<Playbook>("playbook");
  const policy =
    layers.policy === undefined
      ? Layer.provide(policyLayer(config), layers.compute ?? plugin<Compute>("compute"))
      : layers.compute === undefined
        ? (layers.policy as Exclude<typeof layers.policy, SlotLayer<never, Compute>>)
        : Layer.provide(layers.policy, layers.compute);
  const asking = Layer.mergeAll(
    layers.reflector ?? plugin<Reflector>("reflector"),
    layers.curator ?? plugin<Curator>("curator"),
  );
  return asking.pipe(
    Layer.provideMerge(layers.format ?? formatLayer(config)),
    Layer.provideMerge(announced(`the model in ${config.model}`, policy)),
    Layer.provideMerge(Layer.mergeAll(environment, playbook, trackers)),
    Layer.provideMerge(Layer.succeed(RunSeed, config.seed)),
  );
};
