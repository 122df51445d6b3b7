/** Which maps of a model an adapter is for. */
import type { LoraSettings } from "@resd/core";
import { Result, Schema } from "effect";
import type { DecoderConfig } from "./config.ts";
import type { Lora } from "./lora.ts";
import { linearMaps } from "./parameters.ts";

/** An adapter that cannot be had: `key` is the key of its configuration, or the file, to look at. */
export class AdapterError extends Schema.TaggedError<AdapterError>()("AdapterError", {
  message: Schema.String,
  key: Schema.String,
}) {}

/** What a LoRA configuration says about which maps it is for. */
export interface LoraTargets {
  /** `all-linear`, a pattern that has to match whole names, or ends of names. */
  readonly target_modules: string | ReadonlyArray<string>;
  /** Ends of the names of maps that are left out. */
  readonly exclude_modules?: ReadonlyArray<string>;
  /** Numbers of layers; all when absent. */
  readonly layers?: ReadonlyArray<number>;
}

const refuse = (key: string, message: string) =>
  Result.fail(new AdapterError({ key, message: `${message}, at ${key}` }));

/** Whether one of the names is the module's, or its end, as PEFT matches names. */
const isNamed = (map: string, names: ReadonlyArray<string>): boolean =>
  names.some((name) => map === name || map.endsWith(`.${name}`));

/** The number of a map's layer. */
const layerOf = (map: string): number => Number(/\.layers\.(\d+)\./u.exec(map)?.[1]);

/**
 * The maps of a model that a configuration means. Names that match nothing are refused, and so are modules that are no
 * linear maps of the blocks, such as `lm_head` and `embed_tokens`.
 */
export const findTargets = (
  config: DecoderConfig,
  { target_modules, exclude_modules = [], layers }: LoraTargets,
): Result.Result<ReadonlyArray<string>, AdapterError> => {
  const all = linearMaps(config);
  const kinds = [...new Set(all.map((map) => map.slice(map.lastIndexOf(".") + 1)))].join(", ");
  const known = `all-linear, or some of ${kinds}`;
  let wanted: (map: string) => boolean;
  if (target_modules === "all-linear") wanted = () => true;
  else if (typeof target_modules === "string") {
    try {
      const pattern = new RegExp(`^(?:${target_modules})$`, "u");
      wanted = (map) => pattern.test(map);
    } catch {
      return refuse(
        "target_modules",
        `Expected ${known}, got the pattern ${target_modules}; list names instead`,
      );
    }
  } else {
    const idle = target_modules.find((name) => !all.some((map) => isNamed(map, [name])));
    if (idle !== undefined) {
      return refuse(
        "target_modules",
        `Expected linear maps of the blocks of a ${config.model_type} model (${known}), got ${idle}; take it out, or correct it`,
      );
    }
    wanted = (map) => isNamed(map, target_modules);
  }
  const maps = all.filter(
    (map) =>
      wanted(map) &&
      !isNamed(map, exclude_modules) &&
      (layers === undefined || layers.includes(layerOf(map))),
  );
  return maps.length > 0
    ? Result.succeed(maps)
    : refuse(
        "target_modules",
        `Expected linear maps of the blocks (${known}), got ${JSON.stringify(target_modules)}, which leaves none; name at least one`,
      );
};

/** The adapter of a model that a run asks for. */
export const resolveLora = (
  config: DecoderConfig,
  { r, lora_alpha, use_rslora, target_modules }: LoraSettings,
): Result.Result<Lora, AdapterError> =>
  Result.map(findTargets(config, { target_modules }), (maps) => ({
    r,
    lora_alpha,
    use_rslora,
    maps,
  }));

/** The first setting in which an adapter differs from what is asked for, as an error. */
export const findDisagreement = (asked: Lora, found: Lora): AdapterError | undefined => {
  const differing = (["r", "lora_alpha", "use_rslora", "maps"] as const).find(
    (key) => JSON.stringify(asked[key]) !== JSON.stringify(found[key]),
  );
  if (differing === undefined) return undefined;
  const key = differing === "maps" ? "target_modules" : differing;
  const shown = ({ [differing]: value }: Lora) =>
    typeof value === "object" ? `${value.length} maps` : String(value);
  return new AdapterError({
    key,
    message: `Expected ${shown(found)}, which the adapter has, got ${shown(asked)}, at lora.${key}; leave lora out where an adapter is given`,
  });
};
