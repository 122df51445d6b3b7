/** Where the model of a run lies. */
import { Context, Effect, Schema } from "effect";
import type { HostServices } from "./define_run.ts";
import type { ResolvedConfig } from "./resolve_config.ts";

/** No model of that name; the message says where was looked, and what to do. */
export class ModelNotFoundError extends Schema.TaggedError<ModelNotFoundError>()(
  "ModelNotFoundError",
  { message: Schema.String, model: Schema.String },
) {}

/**
 * The folder of a model. A name is its own folder, unless the application knows other names too, such as those of the
 * Hugging Face hub.
 */
export const ModelFinder = Context.Reference<
  (model: string) => Effect.Effect<string, ModelNotFoundError, HostServices>
>("@resd/run/ModelFinder", { defaultValue: () => Effect.succeed });

/** The folder of a model by its name. */
export const modelFolder = (
  model: string,
): Effect.Effect<string, ModelNotFoundError, HostServices> =>
  Effect.flatMap(ModelFinder, (find) => find(model));

/**
 * A configuration whose model is a folder. What is recorded of a run is then the folder: where that of a hub's name
 * holds its commit, later eyes see which it was.
 */
export const withModelFolder = (
  resolved: ResolvedConfig,
): Effect.Effect<ResolvedConfig, ModelNotFoundError, HostServices> =>
  Effect.map(modelFolder(resolved.config.model), (model) => ({
    ...resolved,
    config: { ...resolved.config, model },
  }));
