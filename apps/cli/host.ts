/** This program as a host of runs: how it imports modules, where it finds packages, and what machine it is on. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { findPackageJSON, registerHooks } from "node:module";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FreeSpace, ModelFinder, RunHost } from "@resd/run";
import { Layer } from "effect";
import { APPLICATION, IN_CHECKOUT, ROOT, readPackage } from "./application.ts";
import { findModelFolder } from "./find_model_folder.ts";
import { freeSpace } from "./free_space.ts";
import { memoryBytes } from "./memory.ts";

const findInstalled = (name: string, base: string): string | undefined => {
  try {
    return findPackageJSON(name, base);
  } catch {
    return undefined; // findPackageJSON throws where a package is missing
  }
};

const OUR_PLUGIN = /^@resd\/([a-z]+-.+)$/;

/** Installed beside a package, or else beside the person, beside the application, or a plugin of the workspace. */
const findPackage = (name: string, from?: string): string | undefined => {
  if (from !== undefined) return findInstalled(name, pathToFileURL(from).href);
  const folder = OUR_PLUGIN.exec(name)?.[1];
  const inWorkspace = folder && join(ROOT, "plugins", folder, "package.json");
  return (
    findInstalled(name, pathToFileURL(join(resolve(), "_")).href) ??
    findInstalled(name, import.meta.url) ??
    (inWorkspace !== undefined && existsSync(inWorkspace) ? inWorkspace : undefined)
  );
};

export { ROOT };

let hooked = false;

/** Lets a configuration file that lies anywhere import the packages of the application. */
const shareOurPackages = (): void => {
  if (hooked) return;
  hooked = true;
  registerHooks({
    resolve: (specifier, context, next) => {
      if (!/^(@resd\/|effect(\/|$))/.test(specifier)) return next(specifier, context);
      try {
        return next(specifier, context);
      } catch (error) {
        try {
          return next(specifier, { ...context, parentURL: import.meta.url });
        } catch {
          throw error; // it names the file that asked
        }
      }
    },
  });
};

const gitState = (): { commit: string; changed: boolean } | undefined => {
  if (!IN_CHECKOUT) return undefined; // whatever repository there is, it is somebody else's
  const git = (...args: ReadonlyArray<string>) =>
    execFileSync("git", ["-C", ROOT, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 5000,
    }).trim();
  try {
    return { commit: git("rev-parse", "HEAD"), changed: git("status", "--porcelain") !== "" };
  } catch {
    return undefined; // no git, or no repository: nothing to record
  }
};

const versionOf = (name: string): string | undefined => {
  const found = findInstalled(name, import.meta.url);
  return found === undefined ? undefined : readPackage(found).version;
};

const facts = () => {
  const git = gitState();
  const versions: Record<string, string> = {
    resd: APPLICATION.version,
    node: process.versions.node,
    v8: process.versions.v8,
  };
  for (const name of ["effect", "@resd/engine", "@resd/resd", "@resd/run"]) {
    const version = versionOf(name);
    if (version !== undefined) versions[name] = version;
  }
  return {
    command: process.argv.slice(1),
    startedAt: new Date().toISOString(),
    versions,
    hardware: {
      platform: `${process.platform}-${process.arch}`,
      processor: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryBytes: memoryBytes(),
    },
    ...(git === undefined ? {} : { git }),
  };
};

/** Packages of the plugins that lie in the checkout. */
const pluginsHere = (): ReadonlyArray<string> =>
  IN_CHECKOUT ? readdirSync(join(ROOT, "plugins")).map((folder) => `@resd/${folder}`) : [];

const runHost = Layer.sync(RunHost, () => ({
  facts: facts(),
  importModule: (path: string): Promise<unknown> => {
    shareOurPackages();
    return import(pathToFileURL(path).href) as Promise<unknown>;
  },
  findPackage,
  knownPackages: [...new Set([...Object.keys(APPLICATION.dependencies ?? {}), ...pluginsHere()])],
}));

/** This program, the models that it finds, and the disks that it writes to. */
export const hostLayer = Layer.mergeAll(
  runHost,
  Layer.succeed(ModelFinder, findModelFolder),
  Layer.succeed(FreeSpace, freeSpace),
);
