/** `--model`: a folder, or a model of the Hugging Face hub. */
import { ModelNotFoundError } from "@resd/run";
import { Effect, FileSystem } from "effect";

/** Names that can only mean a folder. */
const isPath = (model: string): boolean => /^(?:\.{0,2}\/|~|[A-Za-z]:|\.)/u.test(model);

/**
 * The folder of a model. What exists here is taken as it is; anything else that could be a name of the hub is looked up
 * there, and downloaded into the cache that Python programs share.
 */
export const findModelFolder = Effect.fnUntraced(function* (model: string) {
  const fs = yield* FileSystem.FileSystem;
  if (isPath(model) || (yield* Effect.orElseSucceed(fs.exists(model), () => false))) return model;
  // Loaded when it is needed: most runs have their model in a folder.
  const { findModel, parseModelName } = yield* Effect.promise(() => import("@resd/hub-node"));
  if (parseModelName(model) === undefined) return model;
  return yield* findModel(model).pipe(
    Effect.map(({ folder }) => folder),
    Effect.mapError(
      ({ message }) =>
        new ModelNotFoundError({
          model,
          message: `Expected the folder of a model or a name of the hub, got ${model}, which is no folder here. On the hub: ${message}`,
        }),
    ),
  );
});
