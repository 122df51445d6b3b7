/** The benchmarks as a host of runs: plugins are those that this tool depends on. */
import { findPackageJSON } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { pathToFileURL } from "node:url";
import { RunHost } from "@resd/run";
import { Layer } from "effect";

const findPackage = (name: string, from?: string): string | undefined => {
  try {
    return findPackageJSON(name, from === undefined ? import.meta.url : pathToFileURL(from).href);
  } catch {
    return undefined; // it throws where a package is missing
  }
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
