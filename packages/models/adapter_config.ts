/** PEFT's adapter_config.json: to the adapter of a model, and back. */
import { Effect, Schema } from "effect";
import type { DecoderConfig } from "./config.ts";
import { shown } from "./config_json.ts";
import type { Lora } from "./lora.ts";
import { AdapterError, findTargets } from "./lora_targets.ts";
import { linearMaps } from "./parameters.ts";

const Rank = Schema.Int.check(Schema.isGreaterThan(0));
const Positive = Schema.Finite.check(Schema.isGreaterThan(0));
const Names = Schema.Union([Schema.String, Schema.Array(Schema.String)]);
const nullable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema));

/** The keys that decide what is computed. */
const AdapterJson = Schema.Struct({
  peft_type: Schema.Literals(["LORA"]),
  task_type: nullable(Schema.Literals(["CAUSAL_LM"])),
  base_model_name_or_path: nullable(Schema.String),
  revision: nullable(Schema.String),
  r: Schema.optionalKey(Rank),
  lora_alpha: Schema.optionalKey(Positive),
  use_rslora: Schema.optionalKey(Schema.Boolean),
  target_modules: Names,
  exclude_modules: nullable(Schema.Array(Schema.String)),
  layers_to_transform: nullable(Schema.Union([Schema.Int, Schema.Array(Schema.Int)])),
});

/** Keys without a say in what a finished adapter computes. */
const WITHOUT_EFFECT = new Set([
  "auto_mapping",
  "peft_version",
  "inference_mode",
  // Of the training that made the adapter; nothing is dropped when it is used.
  "lora_dropout",
  "megatron_core",
  "qalora_group_size",
  "runtime_config",
]);

const OFF = [null, false];
const EMPTY = [null, "{}", "[]"];

/** Keys of which one meaning is computed here; any other is refused by name. */
const FIXED: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  bias: ["none"],
  fan_in_fan_out: OFF,
  // The others change the weights of the base model.
  init_lora_weights: [true, false, null, "gaussian"],
  modules_to_save: EMPTY,
  layers_pattern: EMPTY,
  rank_pattern: EMPTY,
  alpha_pattern: EMPTY,
  megatron_config: [null],
  trainable_token_indices: EMPTY,
  loftq_config: EMPTY,
  eva_config: [null],
  corda_config: [null],
  use_dora: OFF,
  use_qalora: OFF,
  alora_invocation_tokens: [null],
  layer_replication: EMPTY,
  lora_bias: OFF,
  target_parameters: EMPTY,
  arrow_config: [null],
  ensure_weight_tying: OFF,
};

/** An adapter, and the model that it belongs to, as its file names it. */
export interface AdapterConfig {
  readonly lora: Lora;
  readonly base?: string;
  readonly revision?: string;
}

const refuse = (key: string, message: string) =>
  new AdapterError({ key, message: `${message}, at ${key} of adapter_config.json` });

/** The first key whose value would be ignored, as an error. Keys of PEFT that came later may be there as long as they are off. */
const findUnhonoured = (json: object): AdapterError | undefined => {
  for (const [key, value] of Object.entries(json)) {
    if (key in AdapterJson.fields || WITHOUT_EFFECT.has(key)) continue;
    const accepted = Object.hasOwn(FIXED, key) ? FIXED[key]! : OFF;
    const compared = typeof value === "object" && value !== null ? JSON.stringify(value) : value;
    if (!accepted.includes(compared)) {
      return refuse(
        key,
        `Expected ${accepted.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" or ")}, got ${shown(value)}; adapters that need it are not supported`,
      );
    }
  }
  return undefined;
};

const decode = (json: unknown): Effect.Effect<typeof AdapterJson.Type, AdapterError> =>
  Schema.decodeUnknownEffect(AdapterJson, { errors: "all" })(json).pipe(
    Effect.mapError(
      ({ message }) =>
        new AdapterError({
          key: /\["([^"]+)"\]/u.exec(message)?.[1] ?? "adapter_config.json",
          message: `Expected the configuration of a LoRA adapter, got what does not decode: ${message}, in adapter_config.json; correct it, or save the adapter anew with PEFT`,
        }),
    ),
  );

/** The model that the parsed JSON of an adapter_config.json names. */
export const adapterBase = (
  json: unknown,
): Effect.Effect<Omit<AdapterConfig, "lora">, AdapterError> =>
  Effect.map(decode(json), ({ base_model_name_or_path: base, revision }) => ({
    ...(typeof base === "string" && base !== "" ? { base } : {}),
    ...(typeof revision === "string" ? { revision } : {}),
  }));

/**
 * Reads the parsed JSON of an adapter_config.json for a model. A key or value that would change what is computed and is
 * not honoured here is an AdapterError that names it.
 */
export const parseAdapterConfig = Effect.fnUntraced(function* (
  json: unknown,
  config: DecoderConfig,
): Effect.fn.Return<AdapterConfig, AdapterError> {
  const decoded = yield* decode(json);
  const unhonoured = findUnhonoured(json as object);
  if (unhonoured !== undefined) return yield* unhonoured;
  const { layers_to_transform: layers = null, exclude_modules: excluded = null } = decoded;
  const maps = yield* Effect.fromResult(
    findTargets(config, {
      target_modules: decoded.target_modules,
      ...(excluded === null ? {} : { exclude_modules: excluded }),
      ...(layers === null ? {} : { layers: typeof layers === "number" ? [layers] : layers }),
    }),
  );
  const { r = 8, lora_alpha = 8, use_rslora = false } = decoded;
  return { lora: { r, lora_alpha, use_rslora, maps }, ...(yield* adapterBase(json)) };
});

/** The shortest names that PEFT takes for exactly these maps of the model. */
const targetNames = (config: DecoderConfig, maps: ReadonlyArray<string>): ReadonlyArray<string> => {
  const ends = [...new Set(maps.map((map) => map.slice(map.lastIndexOf(".") + 1)))];
  const meant = linearMaps(config).filter((map) => ends.some((end) => map.endsWith(`.${end}`)));
  return meant.length === maps.length ? ends : maps;
};

/** The adapter_config.json of a model's adapter, with every key whose value decides what PEFT computes. */
export const adapterConfigText = (
  config: DecoderConfig,
  { lora, base, revision }: AdapterConfig,
): string => {
  const json = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: base ?? null,
    revision: revision ?? null,
    inference_mode: true,
    r: lora.r,
    lora_alpha: lora.lora_alpha,
    use_rslora: lora.use_rslora,
    target_modules: targetNames(config, lora.maps),
    exclude_modules: null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: {},
    alpha_pattern: {},
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    init_lora_weights: true,
    modules_to_save: null,
    use_dora: false,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
};
