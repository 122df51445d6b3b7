/** The rules of a package.json: its name, where its versions come from, whom it depends on, what a plugin says of itself. */
import { whyForbidden, whyUnplaced } from "./layers.ts";
import type { Violation } from "./violation.ts";
import type { Dependencies, Workspace, WorkspacePackage } from "./workspace.ts";

const expectedName = (folder: string): string => {
  const [kind, name] = folder.split("/");
  return kind === "tools" ? `@resd/tool-${name}` : `@resd/${name}`;
};

/** Versions are written once: in the catalog of pnpm-workspace.yaml, with ranges for peers in its own list. */
const checkVersions = (
  dependencies: Dependencies,
  catalog: "catalog:" | "catalog:peer",
): ReadonlyArray<string> =>
  Object.entries(dependencies).flatMap(([name, range]) => {
    const expected = name.startsWith("@resd/") ? "workspace:*" : catalog;
    return range === expected ? [] : [`expected "${name}": "${expected}", got "${range}"`];
  });

const checkFields = ({ folder, manifest }: WorkspacePackage): ReadonlyArray<string> => {
  const fields: ReadonlyArray<readonly [name: string, expected: unknown, got: unknown]> = [
    ["name", expectedName(folder), manifest.name],
    ["type", "module", manifest.type],
    ["license", "Apache-2.0", manifest.license],
  ];
  const shown = (value: unknown) => JSON.stringify(value) ?? "nothing";
  const wrong = fields
    .filter(([, expected, got]) => expected !== got)
    .map(([name, expected, got]) => `expected "${name}": ${shown(expected)}, got ${shown(got)}`);
  const published = folder.startsWith("packages/") || folder.startsWith("plugins/");
  const entry = manifest.exports?.["."];
  return published && entry !== "./mod.ts"
    ? [...wrong, `expected "exports": {".": "./mod.ts"}, got ${shown(entry)}`]
    : wrong;
};

/** A plugin's folder is `<seam>-<id>`, and its manifest says so before any of its code is loaded. */
const checkPlugin = ({ folder, manifest, sources }: WorkspacePackage): ReadonlyArray<string> => {
  if (!folder.startsWith("plugins/")) return [];
  const { apiVersion, seam, id, entry } = manifest.resd ?? {};
  const name = folder.slice("plugins/".length);
  const found = [];
  if (apiVersion !== "resd/1") {
    found.push(`expected "resd": {"apiVersion": "resd/1", …}, got ${JSON.stringify(apiVersion)}`);
  }
  if (`${seam}-${id}` !== name) {
    found.push(`expected "resd".seam and .id to make "${name}", got "${seam}-${id}"`);
  }
  if (!sources.some((source) => `./${source.path}` === entry)) {
    found.push(`expected "resd".entry to name a file of the plugin, got ${JSON.stringify(entry)}`);
  }
  return found;
};

const checkLayers = (
  workspace: Workspace,
  { folder, manifest }: WorkspacePackage,
): ReadonlyArray<string> => {
  const folderOf = new Map(workspace.packages.map((p) => [p.manifest.name, p.folder]));
  const check = (dependencies: Dependencies | undefined, use: "ship" | "test") =>
    Object.keys(dependencies ?? {}).flatMap((name) => {
      const to = folderOf.get(name);
      const reason = to === undefined ? undefined : whyForbidden(folder, to, use);
      return reason === undefined ? [] : [`may not depend on ${name}: ${reason}`];
    });
  return [
    ...check(manifest.dependencies, "ship"),
    ...check(manifest.peerDependencies, "ship"),
    ...check(manifest.devDependencies, "test"),
  ];
};

/** Everything that is wrong with one package.json. */
export const checkManifest = (
  workspace: Workspace,
  pkg: WorkspacePackage,
): ReadonlyArray<Violation> => {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = pkg.manifest;
  const unplaced = whyUnplaced(pkg.folder);
  return [
    ...(unplaced === undefined ? [] : [unplaced]),
    ...checkFields(pkg),
    ...checkVersions({ ...dependencies, ...devDependencies }, "catalog:"),
    ...checkVersions(peerDependencies, "catalog:peer"),
    ...checkPlugin(pkg),
    ...checkLayers(workspace, pkg),
  ].map((message) => ({ where: `${pkg.folder}/package.json`, message }));
};
