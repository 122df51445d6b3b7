/** Everything about a run that is data: what it is composed of, and the configuration of the algorithm. */
import { LoraSettings } from "@resd/core";
import { ResdConfig, variantNames } from "@resd/resd";
import { Effect, Schema } from "effect";

/** Options that a plugin decodes itself. */
const Options = Schema.Record(Schema.String, Schema.Unknown);

/** A seam filled by a plugin: an id, a package name or a path, and the plugin's own options. */
export const PluginChoice = Schema.Struct({
  use: Schema.NonEmptyString,
  options: Options.pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
});
export type PluginChoice = typeof PluginChoice.Type;

/** What `use` reads where a layer in code fills the slot. */
export const CUSTOM = "custom";

/** What `similarity.use` reads where no plugin measures it. */
export const LEXICAL = "lexical";

/** The whole of a run as data: config.resolved.json. */
export const RunConfig = Schema.Struct({
  /** Whose values hold where nothing else is said. */
  preset: Schema.NonEmptyString,
  /** The method, as a change of the preset: see `variants`. */
  variant: Schema.Literals(variantNames),
  /** What results and run folders call it: unless given, the variant, or the preset where no variant was asked for. */
  name: Schema.NonEmptyString,
  /** Decides every draw of the run. */
  seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  /** Folder of the run; absent: runs/<name>-seed-<seed>, numbered when that exists. */
  runDir: Schema.optionalKey(Schema.NonEmptyString),
  /**
   * Keeps everything that the run needs to go on after it was cut off: every so many inner updates, or after an update when
   * so many minutes have passed, 0 for never. Absent: see `checkpointPace`.
   */
  checkpoint: Schema.optionalKey(
    Schema.Struct({
      every: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
      minutes: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))),
    }),
  ),
  /**
   * Model folder in Hugging Face's layout; or a name of the hub, `org/model` or `org/model@revision`; or the folder of an
   * adapter that names its model.
   */
  model: Schema.NonEmptyString,
  /** Trains a low-rank adapter in the place of all parameters, with the keys of PEFT. */
  lora: Schema.optionalKey(LoraSettings),
  /** Folder of an adapter for the model, in PEFT's layout: training goes on with it. */
  loraAdapter: Schema.optionalKey(Schema.NonEmptyString),
  /** GiB that the process may take: updates are cut so that they stay within. Absent: three quarters of the host's. */
  memoryGiB: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  /** Prompt format; `auto` is what the model folder asks for. */
  format: Schema.Literals(["auto", "chat", "compact"]),
  /** Whether a model thinks before it answers, where its chat template knows both. */
  thinking: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  /** File with the wording of prompts, for the chat format; absent: its own (`resd prompts` prints it). */
  prompts: Schema.optionalKey(Schema.NonEmptyString),
  environment: PluginChoice,
  reflector: PluginChoice,
  curator: PluginChoice,
  playbook: PluginChoice,
  compute: PluginChoice,
  /** Runs code that the policy writes; loaded only for an environment that needs it. */
  sandbox: PluginChoice.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({ use: "quickjs", options: {} })),
  ),
  /** Which lessons say the same, and which have to do with a task: by letters and words, or as a plugin has it. */
  similarity: PluginChoice.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed({ use: LEXICAL, options: {} })),
  ),
  /** Who listens, besides the run folder. */
  trackers: Schema.Array(PluginChoice),
  /** Asked before and after training, for what the policy forgets: a .jsonl file, or true for the model folder's own. */
  probes: Schema.optionalKey(Schema.Union([Schema.Boolean, Schema.NonEmptyString])),
  resd: ResdConfig,
});
export type RunConfig = typeof RunConfig.Type;

/** Slots of a run that a plugin or a layer in code fills, with the seam each plugin names in its manifest. */
export const SLOTS = {
  environment: "env",
  reflector: "reflector",
  curator: "curator",
  playbook: "playbook",
  compute: "compute",
  sandbox: "sandbox",
  similarity: "similarity",
} as const;

/** The name of a slot. */
export type Slot = keyof typeof SLOTS;

const byDefault = (use: string): PluginChoice => ({ use, options: {} });

/** The values below all presets. */
export const baseConfig: Omit<RunConfig, "preset" | "variant" | "name" | "resd"> = {
  seed: 1,
  model: "models/kestrel",
  format: "auto",
  thinking: false,
  environment: byDefault("kestrel"),
  reflector: byDefault("self"),
  curator: byDefault("self"),
  playbook: byDefault("memory"),
  compute: byDefault("onnx"),
  sandbox: byDefault("quickjs"),
  similarity: byDefault(LEXICAL),
  trackers: [byDefault("console")],
};
