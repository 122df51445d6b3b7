/** An environment by its name or path, loaded as a run loads it, for those who look at it without a run. */
import { type Environment, type EnvironmentPlugin, RunSeed, type Sandbox } from "@resd/core";
import {
  type HostServices,
  type LoadedPlugin,
  type Override,
  loadPlugins,
  pluginLayer,
  resolveConfig,
} from "@resd/run";
import { Effect, Layer, type Schema, type Scope } from "effect";

/** What looking at an environment takes. */
export interface LoadedEnvironment {
  readonly loaded: LoadedPlugin;
  /** With the sandbox it needs, if it needs one, and the seed of the command line. */
  readonly plugin: EnvironmentPlugin<Schema.Codec<unknown, unknown>, HostServices>;
  readonly options: Readonly<Record<string, unknown>>;
}

type AnyLayer = Layer.Layer<Environment, never, HostServices | Sandbox | Scope.Scope>;

/** Loads an environment. Values of the configuration such as --environment.options.level and --seed hold for it. */
export const loadEnvironment = Effect.fn("loadEnvironment")(function* (
  use: string,
  overrides: ReadonlyArray<Override>,
) {
  const resolved = yield* resolveConfig(
    [{ source: "command line", values: { environment: { use } } }],
    overrides,
  );
  const { config } = resolved;
  const plugins = yield* loadPlugins(resolved, {}, ["environment"]);
  const loaded = plugins.get("environment") as LoadedPlugin;
  const { module, options } = loaded;
  const sandbox = plugins.has("sandbox")
    ? pluginLayer<Sandbox>({ config, plugins, layers: {}, listeners: [] }, "sandbox")
    : (Layer.empty as Layer.Layer<never>);
  const environment: LoadedEnvironment = {
    loaded,
    options,
    plugin: {
      manifest: module.manifest!,
      Options: module.Options as Schema.Codec<unknown, unknown>,
      layer: (given) =>
        (module.layer(given) as unknown as AnyLayer).pipe(
          Layer.provide(sandbox as unknown as Layer.Layer<Sandbox, never, HostServices>),
          Layer.provide(Layer.succeed(RunSeed, config.seed)),
        ) as Layer.Layer<Environment, never, HostServices>,
    },
  };
  return environment;
});
