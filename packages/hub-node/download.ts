/** The contents of one file, streamed to disk and compared with the hash that names them. */
import { Effect, FileSystem, type Scope } from "effect";
import { createHash, type Hash, randomUUID } from "node:crypto";
import { HubError } from "./hub_error.ts";
import { type Fetch, refusalOf, request, unreachable } from "./hub_requests.ts";
import type { HubSettings } from "./hub_settings.ts";
import type { RemoteFile } from "./repository.ts";

/** SHA-256 of the contents for large files; for small ones what git calls them. */
const hasherOf = ({ large, size }: RemoteFile): Hash =>
  large ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);

/** A file that is being written: how much of it there is, and the hash of that. */
interface Progress {
  readonly handle: FileSystem.File;
  hash: Hash;
  bytes: number;
}

/** Appends what a response brings, until it ends or breaks off. */
const receive = Effect.fnUntraced(function* (
  body: ReadableStream<Uint8Array>,
  progress: Progress,
  file: RemoteFile,
  settings: HubSettings,
): Effect.fn.Return<void, HubError, Scope.Scope> {
  const reader = body.getReader();
  yield* Effect.addFinalizer(() => Effect.promise(() => reader.cancel().catch(() => undefined)));
  for (;;) {
    const { done, value } = yield* Effect.tryPromise({
      try: () => reader.read(),
      catch: (cause) => unreachable(file.path, settings, cause),
    }).pipe(
      Effect.timeoutOrElse({
        duration: settings.timeoutMillis,
        orElse: () => Effect.fail(unreachable(file.path, settings, "silence in the middle")),
      }),
    );
    if (done) return;
    if (progress.bytes + value.length > file.size) {
      return yield* new HubError({
        reason: "corrupted",
        message: `Expected ${file.size} bytes, got more, at ${file.path}; try again`,
      });
    }
    yield* progress.handle.writeAll(value).pipe(
      Effect.mapError(
        (error) =>
          new HubError({
            reason: "cache",
            message: `Expected to write ${file.path} into the cache, got: ${error.message}; free space, or set HF_HUB_CACHE to another folder`,
          }),
      ),
    );
    progress.hash.update(value);
    progress.bytes += value.length;
  }
});

/** Starts again from nothing, where a server does not continue. */
const rewind = Effect.fnUntraced(function* (progress: Progress, file: RemoteFile) {
  yield* progress.handle.truncate(0);
  yield* progress.handle.seek(0n, "start");
  progress.hash = hasherOf(file);
  progress.bytes = 0;
});

/**
 * Downloads to `blob`, which appears when all of it is there and its hash is right. A connection that breaks is taken
 * up where it broke.
 */
export const download = Effect.fnUntraced(function* (
  fetch: Fetch,
  settings: HubSettings,
  url: string,
  file: RemoteFile,
  blob: string,
): Effect.fn.Return<void, HubError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  // A name of its own: another process may be downloading the same file.
  const partial = `${blob}.${randomUUID().slice(0, 8)}.incomplete`;
  const fetchAll = Effect.scoped(
    Effect.gen(function* () {
      const handle = yield* fs.open(partial, { flag: "w+" });
      const progress: Progress = { handle, hash: hasherOf(file), bytes: 0 };
      for (let attempt = 0; ; attempt++) {
        const range = progress.bytes > 0 ? { range: `bytes=${progress.bytes}-` } : undefined;
        const response = yield* request(fetch, settings, url, file.path, range);
        if (!response.ok) return yield* refusalOf(response, file.path, settings);
        if (range !== undefined && response.status !== 206) yield* rewind(progress, file);
        const ended =
          response.body === null
            ? undefined
            : yield* Effect.result(Effect.scoped(receive(response.body, progress, file, settings)));
        if (progress.bytes === file.size) break;
        const broken = ended?._tag === "Failure" ? ended.failure : undefined;
        if (broken !== undefined && broken.reason !== "network") return yield* broken;
        if (attempt >= settings.retries) {
          return yield* (
            broken ??
            new HubError({
              reason: "corrupted",
              message: `Expected ${file.size} bytes, got ${progress.bytes}, at ${file.path}; try again`,
            })
          );
        }
      }
      yield* handle.sync;
      const digest = progress.hash.digest("hex");
      if (digest !== file.etag) {
        return yield* new HubError({
          reason: "corrupted",
          message: `Expected contents with hash ${file.etag}, got ${digest}, at ${file.path}; try again`,
        });
      }
    }),
  );
  yield* fetchAll.pipe(
    Effect.andThen(fs.rename(partial, blob)),
    Effect.mapError((error) =>
      error instanceof HubError
        ? error
        : new HubError({
            reason: "cache",
            message: `Expected to write ${blob}, got: ${error.message}; free space, or set HF_HUB_CACHE to another folder`,
          }),
    ),
    Effect.onError(() => Effect.ignore(fs.remove(partial, { force: true }))),
  );
});
