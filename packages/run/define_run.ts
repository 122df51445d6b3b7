/** A run as code: a preset, what differs from it, and layers that take the place of plugins. */
import type {
  Compute,
  Curator,
  Environment,
  Format,
  Playbook,
  Policy,
  Reflector,
  Sandbox,
  Tracker,
} from "@resd/core";
import type { PresetName } from "@resd/resd";
import { type FileSystem, Layer, type Path } from "effect";
import { nearestAdvice } from "./nearest.ts";
import type { ConfigPart } from "./resolve_config.ts";
import { CUSTOM, type RunConfig, SLOTS } from "./run_config.ts";

/** What every layer of a run may use without asking. */
export type HostServices = FileSystem.FileSystem | Path.Path;

/** A layer for a slot: it may use the host's services and the parts that come before it. */
export type SlotLayer<Provides, Uses = never> = Layer.Layer<
  Provides,
  { readonly message: string },
  HostServices | Uses
>;

/** Layers in code, each in the place of the plugin that the configuration would name. */
export interface RunLayers {
  /** Brings along what it needs, a sandbox too. */
  readonly environment?: SlotLayer<Environment>;
  /** For an environment that is a plugin and needs one. */
  readonly sandbox?: SlotLayer<Sandbox>;
  readonly compute?: SlotLayer<Compute>;
  readonly policy?: SlotLayer<Policy, Compute>;
  readonly format?: SlotLayer<Format, Policy>;
  readonly playbook?: SlotLayer<Playbook>;
  readonly reflector?: SlotLayer<Reflector, Policy | Format | Environment>;
  readonly curator?: SlotLayer<Curator, Policy | Format | Environment>;
  /** Gives the `Similarity` of lessons. */
  readonly similarity?: SlotLayer<never>;
  /** Changes the method under way; see `scheduleLayer`. */
  readonly schedule?: SlotLayer<never>;
  /** Listens beside the run folder and the configured trackers. */
  readonly tracker?: SlotLayer<Tracker>;
}

/** A configuration of which only what differs is said. */
export type Differences<A> =
  A extends ReadonlyArray<unknown>
    ? A
    : A extends object
      ? { readonly [K in keyof A]?: Differences<A[K]> }
      : A;

/** What a run is made of, as far as it differs from its preset. */
export interface RunDefinition {
  readonly preset?: PresetName;
  readonly config?: Differences<Omit<RunConfig, "preset">>;
  readonly layers?: RunLayers;
}

const DEFINED: unique symbol = Symbol.for("@resd/run/RunDefinition");

/** A definition that `defineRun` has marked, so that any other default export can be refused. */
export interface DefinedRun extends RunDefinition {
  readonly [DEFINED]: true;
}

/**
 * Defines a run. The default export of a configuration file in TypeScript is one.
 *
 * @example
 * ```ts
 * export default defineRun({ preset: "kestrel", config: { resd: { solutionBuffer: false } } });
 * ```
 */
export const defineRun = (definition: RunDefinition): DefinedRun => ({
  ...definition,
  [DEFINED]: true,
});

/** Whether a value comes from `defineRun`, of whichever copy of this package. */
export const isDefinedRun = (value: unknown): value is DefinedRun =>
  typeof value === "object" && value !== null && DEFINED in value;

const KEYS: ReadonlyArray<string> = ["preset", "config", "layers"] satisfies ReadonlyArray<
  keyof RunDefinition
>;

/** Every slot that a layer can fill. */
const LAYER_SLOTS: Readonly<Record<keyof RunLayers, true>> = {
  environment: true,
  sandbox: true,
  compute: true,
  policy: true,
  format: true,
  playbook: true,
  reflector: true,
  curator: true,
  similarity: true,
  schedule: true,
  tracker: true,
};

/** What a definition says that no run reads: code that is only stripped of its types may say anything. */
export const definitionFault = (run: DefinedRun, at: string): string | undefined => {
  const key = Object.keys(run).find((one) => !KEYS.includes(one));
  if (key !== undefined) {
    return `Expected a known key, got ${key}, at ${at}; ${nearestAdvice(key, KEYS)}`;
  }
  for (const [slot, layer] of Object.entries(run.layers ?? {})) {
    if (!Object.hasOwn(LAYER_SLOTS, slot)) {
      return `Expected a slot for a layer, got ${slot}, at layers of ${at}; ${nearestAdvice(slot, Object.keys(LAYER_SLOTS))}`;
    }
    if (layer !== undefined && !Layer.isLayer(layer)) {
      return `Expected a Layer, got ${layer === null ? "null" : typeof layer}, at layers.${slot} of ${at}; make it with Layer.succeed, Layer.sync or Layer.effect`;
    }
  }
  return undefined;
};

/** The data of a definition, with its layers noted in their slots. */
export const partsOf = (run: RunDefinition, source: string): ReadonlyArray<ConfigPart> => {
  const slots = Object.keys(SLOTS).filter((slot) => run.layers?.[slot as keyof typeof SLOTS]);
  return [
    ...(slots.length === 0
      ? []
      : [
          {
            source: `layers of ${source}`,
            values: Object.fromEntries(slots.map((slot) => [slot, { use: CUSTOM }])),
          },
        ]),
    {
      source,
      values: {
        ...(run.preset === undefined ? {} : { preset: run.preset }),
        ...run.config,
      },
    },
  ];
};
