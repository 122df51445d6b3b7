/** The benchmarks as a host of runs: plugins are those of the repository. */
import { existsSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { RunHost } from "@resd/run";
import { Layer } from "effect";

const PLUGINS = fileURLToPath(new URL("../../plugins", import.meta.url));

/** `@resd/env-kestrel` is the plugin in plugins/env-kestrel. */
const findPackage = (name: string): string | undefined => {
  const path = join(PLUGINS, name.replace("@resd/", ""), "package.json");
  return existsSync(path) ? path : undefined;
};

export const hostLayer = Layer.sync(RunHost, () => ({
  facts: {
    command: process.argv.slice(1),
    startedAt: new Date().toISOString(),
    versions: { node: process.versions.node },
    hardware: {
      platform: `${process.platform}-${process.arch}`,
      processor: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    },
  },
  importModule: (path: string): Promise<unknown> =>
    import(pathToFileURL(path).href) as Promise<unknown>,
  findPackage,
  knownPackages: [],
}));
