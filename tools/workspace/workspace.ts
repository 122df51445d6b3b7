/** The workspace as data: every package's manifest and the text of its sources. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Dependencies = Readonly<Record<string, string>>;

/** The fields of a package.json that the rules of the house speak about. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly type?: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
  readonly resd?: Readonly<Record<string, unknown>>;
}

export interface SourceFile {
  /** Relative to the package's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface WorkspacePackage {
  /** Relative to the root: `packages/core`. */
  readonly folder: string;
  readonly manifest: Manifest;
  readonly sources: ReadonlyArray<SourceFile>;
}

export interface Workspace {
  readonly packages: ReadonlyArray<WorkspacePackage>;
  /** What the root installs for everyone's tests: vitest, @effect/vitest, … */
  readonly rootDependencies: ReadonlySet<string>;
}

const kinds = ["packages", "plugins", "apps", "tools"] as const;
const skippedFolders = new Set(["node_modules", "dist", "fixtures"]);

const readManifest = (path: string): Manifest => {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Manifest;
  } catch (cause) {
    throw new Error(`Expected a JSON object, got unreadable text, at ${path}; mend the file`, {
      cause,
    });
  }
};

const readSources = (folder: string, prefix = ""): ReadonlyArray<SourceFile> =>
  readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        return skippedFolders.has(entry.name) ? [] : readSources(path, `${prefix}${entry.name}/`);
      }
      return entry.name.endsWith(".ts")
        ? [{ path: `${prefix}${entry.name}`, text: readFileSync(path, "utf8") }]
        : [];
    });

/** Reads every package below `root`. A folder without a package.json is not a package and is left out. */
export const readWorkspace = (root: string): Workspace => {
  const rootManifest = readManifest(join(root, "package.json"));
  return {
    packages: kinds
      .filter((kind) => existsSync(join(root, kind)))
      .flatMap((kind) => readdirSync(join(root, kind)).map((name) => `${kind}/${name}`))
      .filter((folder) => existsSync(join(root, folder, "package.json")))
      .toSorted()
      .map((folder) => ({
        folder,
        manifest: readManifest(join(root, folder, "package.json")),
        sources: readSources(join(root, folder)),
      })),
    rootDependencies: new Set(Object.keys(rootManifest.devDependencies ?? {})),
  };
};

/** True for files that are never shipped: tests, measurements, and what they share, whose names open with an underscore. */
export const isTestFile = (path: string): boolean =>
  /(?:^|\/)_[^/]*\.ts$|_(?:test|bench)\.ts$/.test(path);
