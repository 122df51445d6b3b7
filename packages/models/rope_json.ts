/** How config.json says which rotary embeddings a model has: `rope_theta`, `rope_scaling`, `rope_parameters`. */
import { Result } from "effect";
import type { ModelConfigError } from "./config.ts";
import { type ConfigJson, refuse, shown } from "./config_json.ts";
import type { RopeScaling } from "./rope.ts";

/** The rotary embeddings of one kind of layer. */
export interface RopeSettings {
  readonly theta: number;
  readonly scaling?: RopeScaling;
}

type Read<A> = Result.Result<A, ModelConfigError>;

/** An object of rope parameters, and where it stands. */
interface Place {
  readonly key: "rope_scaling" | "rope_parameters";
  readonly json: Readonly<Record<string, unknown>>;
}

const EVERYWHERE = ["rope_type", "type", "rope_theta", "partial_rotary_factor"];

/** Keys by `rope_type`; others are refused, as transformers would ignore them. */
const KEYS: Readonly<Record<string, ReadonlyArray<string>>> = {
  default: [],
  linear: ["factor"],
  llama3: ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
  yarn: [
    "factor",
    "original_max_position_embeddings",
    "beta_fast",
    "beta_slow",
    "truncate",
    "attention_factor",
    "mscale",
    "mscale_all_dim",
  ],
};

/** A positive number, or the fallback where it is absent or null. */
const readNumber = ({ key, json }: Place, name: string, fallback?: number): Read<number> => {
  const value = json[name] ?? fallback;
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? Result.succeed(value)
    : Result.fail(
        refuse(key, `Expected a positive number as ${name}, got ${shown(value)}; correct it`),
      );
};

const readKind = ({ key, json }: Place): Read<string> => {
  const kind = json["rope_type"] ?? json["type"] ?? "default";
  if (typeof kind !== "string" || !Object.hasOwn(KEYS, kind)) {
    return Result.fail(
      refuse(
        key,
        `Expected a rope_type of ${Object.keys(KEYS).join(", ")}, got ${shown(kind)}; models that need it are not supported`,
      ),
    );
  }
  const unread = Object.entries(json).find(
    ([name, value]) =>
      (!EVERYWHERE.includes(name) && !KEYS[kind]!.includes(name)) ||
      (name === "partial_rotary_factor" && value !== 1),
  );
  return unread === undefined
    ? Result.succeed(kind)
    : Result.fail(
        refuse(
          key,
          `Expected only what rope_type ${kind} honours, got ${unread[0]}: ${shown(unread[1])}; remove it if it changes nothing, else this model is not supported`,
        ),
      );
};

const readScaling = (
  place: Place,
  kind: string,
  maxPositions: number,
): Read<RopeScaling | undefined> =>
  Result.gen(function* () {
    const number = (name: string, fallback?: number) => readNumber(place, name, fallback);
    if (kind === "default") return undefined;
    if (kind === "linear") return { rope_type: "linear", factor: yield* number("factor") } as const;
    const original_max_position_embeddings = yield* number(
      "original_max_position_embeddings",
      maxPositions,
    );
    if (kind === "llama3") {
      return {
        rope_type: "llama3",
        factor: yield* number("factor"),
        low_freq_factor: yield* number("low_freq_factor"),
        high_freq_factor: yield* number("high_freq_factor"),
        original_max_position_embeddings,
      } as const;
    }
    const scales: { attention_factor?: number; mscale?: number; mscale_all_dim?: number } = {};
    for (const name of ["attention_factor", "mscale", "mscale_all_dim"] as const) {
      if ((place.json[name] ?? undefined) !== undefined) scales[name] = yield* number(name);
    }
    return {
      rope_type: "yarn",
      factor: yield* number("factor", maxPositions / original_max_position_embeddings),
      original_max_position_embeddings,
      beta_fast: yield* number("beta_fast", 32),
      beta_slow: yield* number("beta_slow", 1),
      truncate: place.json["truncate"] !== false,
      ...scales,
    } as const;
  });

const readSettings = (place: Place, theta: number, maxPositions: number): Read<RopeSettings> =>
  Result.gen(function* () {
    const kind = yield* readKind(place);
    const scaling = yield* readScaling(place, kind, maxPositions);
    const base = { theta: yield* readNumber(place, "rope_theta", theta) };
    return scaling === undefined ? base : { ...base, scaling };
  });

/** The key that holds: `rope_scaling` where it says something, else `rope_parameters`. */
const placeOf = ({ rope_scaling, rope_parameters }: ConfigJson): Place =>
  Object.keys(rope_scaling ?? {}).length > 0
    ? { key: "rope_scaling", json: rope_scaling! }
    : { key: "rope_parameters", json: rope_parameters ?? {} };

/** Rotary embeddings that are the same in all layers. */
export const readRope = (
  json: ConfigJson,
  defaultTheta: number,
  maxPositions: number,
): Read<RopeSettings> => readSettings(placeOf(json), json.rope_theta ?? defaultTheta, maxPositions);

/** gemma3: bases of their own for full and for sliding layers, and scaling for full ones. */
export const readRopeByLayerType = (
  json: ConfigJson,
  defaults: { readonly full: number; readonly sliding: number },
  maxPositions: number,
): Read<{ readonly full: RopeSettings; readonly sliding: RopeSettings }> =>
  Result.gen(function* () {
    const { full_attention, sliding_attention, ...rest } = json.rope_parameters ?? {};
    const fault = (expected: string, got: unknown) =>
      Result.fail(refuse("rope_parameters", `Expected ${expected}, got ${shown(got)}; correct it`));
    if (Object.keys(rest).length > 0) {
      return yield* fault("only full_attention and sliding_attention", rest);
    }
    for (const part of [full_attention ?? {}, sliding_attention ?? {}]) {
      if (typeof part !== "object") return yield* fault("an object for each type of layer", part);
    }
    const full = yield* readSettings(
      {
        key: json.rope_scaling ? "rope_scaling" : "rope_parameters",
        json: { ...(full_attention as object | undefined), ...json.rope_scaling },
      },
      json.rope_theta ?? defaults.full,
      maxPositions,
    );
    const sliding = yield* readSettings(
      { key: "rope_parameters", json: { ...(sliding_attention as object | undefined) } },
      json.rope_local_base_freq ?? defaults.sliding,
      maxPositions,
    );
    if (sliding.scaling !== undefined) {
      return yield* fault("rope_type default in sliding_attention", sliding.scaling.rope_type);
    }
    return { full, sliding };
  });
