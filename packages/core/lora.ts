/** A low-rank adapter (Hu et al. 2021) to train in the place of all parameters, as data. */
import { Effect, Schema } from "effect";

const Rank = Schema.Int.check(Schema.isGreaterThan(0));
const Positive = Schema.Finite.check(Schema.isGreaterThan(0));
const byDefault = <A>(value: A) => Effect.succeed(value);

/** A key that PEFT has and that has one value here; any other is refused by its name, with the reason. */
const only = <S extends Schema.Top>(value: S, shown: string, why: string) =>
  Schema.optionalKey(value.annotate({ message: `Expected ${shown}: ${why}` }));

/** A new adapter as a run asks for it, with PEFT's names and defaults; `target_modules` is every linear map unless given. */
export const LoraSettings = Schema.Struct({
  r: Rank.pipe(Schema.withDecodingDefaultKey(byDefault(8))),
  lora_alpha: Positive.pipe(Schema.withDecodingDefaultKey(byDefault(8))),
  /** `all-linear`, or names as PEFT matches them: the end of a module's name, such as `q_proj`. */
  target_modules: Schema.Union([
    Schema.Literals(["all-linear"]),
    Schema.NonEmptyArray(Schema.NonEmptyString),
  ]).pipe(Schema.withDecodingDefaultKey(byDefault("all-linear" as const))),
  use_rslora: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(byDefault(false))),
  lora_dropout: only(
    Schema.Literals([0]),
    "0",
    "attempts are sampled and scored without dropout, and training must not see another model",
  ),
  bias: only(Schema.Literals(["none"]), "none", "biases are trained by full fine-tuning only"),
  modules_to_save: only(
    Schema.Null,
    "null",
    "modules beside the adapter are trained by full fine-tuning only",
  ),
  use_dora: only(Schema.Literals([false]), "false", "DoRA is not supported"),
});
export type LoraSettings = typeof LoraSettings.Type;
