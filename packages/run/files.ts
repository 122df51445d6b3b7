/** Files that are whole or not there, and files that only ever grow. */
import { Effect, FileSystem, PlatformError, type Scope } from "effect";

/** The same failure with the path of its file: of a write that did not fit the platform does not tell it. */
const withPath = (path: string) => (error: PlatformError.PlatformError) =>
  error.reason._tag === "BadArgument"
    ? error
    : PlatformError.systemError({
        ...error.reason,
        cause: error.reason.cause, // which no copy takes along by itself
        pathOrDescriptor: path,
      });

/** Writes a file under another name and renames it when it is complete. What did not fit is taken away again. */
export const writeWhole = Effect.fnUntraced(function* (
  path: string,
  text: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const partial = `${path}.partial`;
  yield* fs.writeFileString(partial, text).pipe(
    Effect.tapError(() => Effect.ignore(fs.remove(partial, { force: true }))),
    Effect.mapError(withPath(path)),
  );
  yield* fs.rename(partial, path);
});

/** Writes a value as indented JSON, whole or not at all. */
export const writeJson = (path: string, value: unknown) =>
  writeWhole(path, `${JSON.stringify(value, undefined, 2)}\n`);

/** Writes values as lines of JSON, whole or not at all. */
export const writeLines = (path: string, values: ReadonlyArray<unknown>) =>
  writeWhole(path, values.map((value) => `${JSON.stringify(value)}\n`).join(""));

/**
 * A file that takes lines at its end, one write each, so that a crash costs at most the last one. Where a write fails, as on
 * a full disk, what it has written of its lines is taken back.
 */
export const openLines = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<
  (lines: ReadonlyArray<string>) => Effect.Effect<void, PlatformError.PlatformError>,
  PlatformError.PlatformError,
  FileSystem.FileSystem | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem;
  const file = yield* fs.open(path, { flag: "a" });
  const encoder = new TextEncoder();
  return (lines) =>
    lines.length === 0
      ? Effect.void
      : Effect.gen(function* () {
          const { size } = yield* file.stat;
          yield* Effect.tapError(
            file.writeAll(encoder.encode(lines.map((line) => `${line}\n`).join(""))),
            () => Effect.ignore(file.truncate(Number(size))),
          );
        }).pipe(Effect.mapError(withPath(path)));
});
