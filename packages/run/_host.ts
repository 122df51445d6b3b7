/** A host for tests: packages are those that a test writes, and what is imported is noted. */
import { NodeServices } from "@effect/platform-node";
import { Effect, FileSystem, Layer, Path } from "effect";
import { RunHost } from "./run_host.ts";

export interface TestHost {
  readonly layer: Layer.Layer<RunHost>;
  /** Paths that were imported, in order. */
  readonly imported: ReadonlyArray<string>;
}

/** A host that knows packages by name and modules by path. */
export const makeTestHost = (options: {
  readonly packages?: Readonly<Record<string, string>>;
  readonly modules?: Readonly<Record<string, unknown>>;
  readonly known?: ReadonlyArray<string>;
}): TestHost => {
  const imported: Array<string> = [];
  return {
    imported,
    layer: Layer.succeed(RunHost, {
      facts: {
        command: ["resd", "train"],
        startedAt: "2026-01-01T00:00:00.000Z",
        versions: {},
        hardware: { platform: "test", processor: "test", cores: 1, memoryBytes: 16 * 2 ** 30 },
      },
      importModule: async (path) => {
        imported.push(path);
        const found = Object.entries(options.modules ?? {}).find(([end]) => path.endsWith(end));
        if (found === undefined) throw new Error(`no module at ${path}`);
        return found[1];
      },
      findPackage: (name) => options.packages?.[name],
      knownPackages: options.known ?? [],
    }),
  };
};

/** Writes files into a fresh folder that is gone after the test. */
export const folderWith = (files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const path = yield* Path.Path;
    const folder = yield* fs.makeTempDirectoryScoped();
    for (const [name, text] of Object.entries(files)) {
      yield* fs.makeDirectory(path.dirname(path.join(folder, name)), { recursive: true });
      yield* fs.writeFileString(path.join(folder, name), text);
    }
    return folder;
  });

export const testServices = NodeServices.layer;
