/** What all plugins share: how options are decoded, and the run's seed. */
import { Context, Effect, Schema } from "effect";

/** Options that do not fit a plugin's `Options` schema. The message names every path. */
export class PluginOptionsError extends Schema.TaggedError<PluginOptionsError>()(
  "PluginOptionsError",
  { message: Schema.String, plugin: Schema.String },
) {}

/** `Schema.Struct({})` is TypeScript's `{}`, which lets every key through; as options it means "none". */
const noOptions = (schema: Schema.Top): boolean =>
  schema.ast._tag === "Objects" &&
  schema.ast.propertySignatures.length === 0 &&
  schema.ast.indexSignatures.length === 0;

/** Decodes a plugin's options; excess keys are errors, and all errors are reported at once. */
export const decodeOptions = <S extends Schema.Codec<unknown, unknown>>(
  plugin: string,
  schema: S,
  options: unknown,
): Effect.Effect<S["Type"], PluginOptionsError> =>
  Schema.decodeUnknownEffect(
    noOptions(schema) ? Schema.Record(Schema.String, Schema.Never) : schema,
    { errors: "all", onExcessProperty: "error" },
  )(options).pipe(
    Effect.mapError(
      (error) =>
        new PluginOptionsError({ plugin, message: `Options of ${plugin}: ${error.message}` }),
    ),
  );

/** The seed of the run that a plugin is composed into. Plugins derive all their randomness from it. */
export const RunSeed = Context.Reference<number>("@resd/core/RunSeed", { defaultValue: () => 0 });
