/** Files that are whole or not there, and files that only ever grow. */
import { Effect, FileSystem, type PlatformError, type Scope } from "effect";

/** Writes a file under another name and renames it when it is complete. */
export const writeWhole = Effect.fnUntraced(function* (
  path: string,
  text: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.writeFileString(`${path}.partial`, text);
  yield* fs.rename(`${path}.partial`, path);
});

/** Writes a value as indented JSON, whole or not at all. */
export const writeJson = (path: string, value: unknown) =>
  writeWhole(path, `${JSON.stringify(value, undefined, 2)}\n`);

/** Writes values as lines of JSON, whole or not at all. */
export const writeLines = (path: string, values: ReadonlyArray<unknown>) =>
  writeWhole(path, values.map((value) => `${JSON.stringify(value)}\n`).join(""));

/** A file that takes lines at its end, one write each, so that a crash costs at most the last one. */
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
      : file.writeAll(encoder.encode(lines.map((line) => `${line}\n`).join("")));
});
