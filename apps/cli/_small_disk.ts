/** A disk with room for so many bytes: what does not fit is written in part, as on a real one. */
import { Effect, FileSystem, Layer, PlatformError } from "effect";

const full = (method: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method,
    cause: Object.assign(new Error("no space left on device"), { code: "ENOSPC" }),
  });

/** The file system below, with room for `bytes` more. Removing a file gives its room back. */
export const smallDisk = (
  bytes: number,
): Layer.Layer<FileSystem.FileSystem, never, FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      let room = bytes;
      const writing = <E>(
        data: Uint8Array,
        method: string,
        write: (part: Uint8Array) => Effect.Effect<void, E>,
      ) =>
        Effect.suspend(() => {
          const part = data.subarray(0, Math.max(0, room));
          room -= part.length;
          return part.length === data.length
            ? write(data)
            : Effect.andThen(write(part), Effect.fail(full(method)));
        });
      const writeFile: typeof fs.writeFile = (path, data, options) =>
        writing(data, "writeFile", (part) => fs.writeFile(path, part, options));
      return {
        ...fs,
        writeFile,
        writeFileString: (path, text, options) =>
          writeFile(path, new TextEncoder().encode(text), options),
        remove: (path, options) =>
          Effect.gen(function* () {
            const { size } = yield* Effect.orElseSucceed(fs.stat(path), () => ({ size: 0 }));
            yield* fs.remove(path, options);
            room += Number(size);
          }),
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) =>
            Object.assign(Object.create(file) as FileSystem.File, {
              writeAll: (data: Uint8Array) =>
                writing(data, "writeAll", (part) => file.writeAll(part)),
            }),
          ),
      };
    }),
  );
