/**
 * The cache of Python's huggingface_hub:
 *
 * ```text
 * models--org--model/refs/main                   the commit that main was last time
 * models--org--model/blobs/<hash>                contents
 * models--org--model/snapshots/<commit>/<path>   links to them
 * ```
 */
import { Effect, FileSystem, Path, type PlatformError } from "effect";
import { HubError } from "./hub_error.ts";
import { isCommit, type ModelName } from "./model_name.ts";

/** Folders of one repository. */
export interface CachedRepository {
  readonly blob: (etag: string) => string;
  readonly snapshot: (commit: string) => string;
  /** The commit that a revision was when it was last looked up; a commit is itself. */
  readonly commitOf: (revision: string) => Effect.Effect<string | undefined, HubError>;
  readonly remember: (revision: string, commit: string) => Effect.Effect<void, HubError>;
  /** Shows contents under a path of a commit. */
  readonly link: (commit: string, path: string, etag: string) => Effect.Effect<void, HubError>;
}

/** The folder of a repository in a cache. */
export const cachedRepository = Effect.fnUntraced(function* (
  cache: string,
  { repository }: ModelName,
): Effect.fn.Return<CachedRepository, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const folder = path.join(cache, `models--${repository.replaceAll("/", "--")}`);
  const failing = <A>(
    effect: Effect.Effect<A, PlatformError.PlatformError>,
  ): Effect.Effect<A, HubError> =>
    Effect.mapError(
      effect,
      (error) =>
        new HubError({
          reason: "cache",
          message: `Expected a cache that can be read and written, got: ${error.message}, at ${folder}; set HF_HUB_CACHE to another folder`,
        }),
    );
  const parentOf = (file: string) => fs.makeDirectory(path.dirname(file), { recursive: true });
  const blob = (etag: string) => path.join(folder, "blobs", etag);
  const snapshot = (commit: string) => path.join(folder, "snapshots", commit);
  const ref = (revision: string) => path.join(folder, "refs", revision);
  return {
    blob,
    snapshot,
    commitOf: Effect.fnUntraced(function* (revision) {
      if (isCommit(revision)) return revision;
      const text = yield* Effect.orElseSucceed(fs.readFileString(ref(revision)), () => "");
      return isCommit(text.trim()) ? text.trim() : undefined;
    }),
    remember: (revision, commit) =>
      isCommit(revision)
        ? Effect.void
        : failing(
            Effect.gen(function* () {
              yield* parentOf(ref(revision));
              yield* fs.writeFileString(`${ref(revision)}.partial`, commit);
              yield* fs.rename(`${ref(revision)}.partial`, ref(revision));
            }),
          ),
    link: (commit, file, etag) =>
      failing(
        Effect.gen(function* () {
          const shown = path.join(snapshot(commit), file);
          yield* parentOf(shown);
          yield* fs.remove(shown, { force: true });
          yield* fs.symlink(path.relative(path.dirname(shown), blob(etag)), shown);
        }),
      ),
  };
});
