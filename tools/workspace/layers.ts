/**
 * Who may depend on whom, as one table.
 *
 * A package may depend on packages of lower layers only. Plugins sit on packages, applications on both, and nothing depends on
 * a tool. `testing` is for tests: packages and plugins may have it as a devDependency, whatever its layer. So is a sandbox,
 * for the tests of environments that run code.
 */

/** Packages from the ground up; those of one row do not see each other. */
export const layers: ReadonlyArray<ReadonlyArray<string>> = [
  ["tensor", "safetensors"],
  ["core"],
  ["tokenizers", "models", "objectives", "env-kit"],
  ["engine", "testing"],
  ["resd"],
  ["run", "chat-api"],
  ["compare"],
];

const layerOf = (name: string): number => layers.findIndex((row) => row.includes(name));

const split = (folder: string): readonly [kind: string, name: string] => {
  const slash = folder.indexOf("/");
  return [folder.slice(0, slash), folder.slice(slash + 1)];
};

/** A driver that several plugins need, in a package of its own: the only packages that may use `node:*`. */
const isDriver = (name: string): boolean => name.endsWith("-node");

/** The reason why a package outside the table is refused, or undefined for a package that has its place. */
export const whyUnplaced = (folder: string): string | undefined => {
  const [kind, name] = split(folder);
  return kind !== "packages" || isDriver(name) || layerOf(name) >= 0
    ? undefined
    : "has no layer; give it a row in tools/workspace/layers.ts";
};

/**
 * Why `from` may not depend on `to` (folders such as `packages/core`), or undefined if it may.
 *
 * @param use `test` for what only tests need (devDependencies, imports in test files).
 */
export const whyForbidden = (
  from: string,
  to: string,
  use: "ship" | "test",
): string | undefined => {
  const [fromKind, fromName] = split(from);
  const [toKind, toName] = split(to);
  if (toKind === "tools") return "nothing may depend on a tool";
  if (fromKind === "tools") return undefined;
  if (toKind === "apps") return "nothing may depend on an application";
  if (fromKind === "apps") return undefined;
  if (toKind === "plugins") {
    if (fromKind === "plugins" && use === "test" && toName.startsWith("sandbox-")) return undefined;
    return fromKind === "plugins"
      ? "a plugin may not depend on another plugin: move what both need into a package"
      : "a package may not depend on a plugin: name what it needs as a service in core";
  }
  if (toName === "testing") {
    return use === "test"
      ? undefined
      : "@resd/testing is for tests: make it a devDependency and import it in tests only";
  }
  if (fromKind === "plugins") return undefined;
  if (isDriver(toName))
    return "packages do not touch the machine: only plugins and apps use drivers";
  if (isDriver(fromName)) {
    return layerOf(toName) <= layerOf("core")
      ? undefined
      : `a driver stands beside core and may not see packages above it, such as ${toName}`;
  }
  return layerOf(toName) < layerOf(fromName)
    ? undefined
    : `${toName} is not below ${fromName} in the order of layers (${layers.map((row) => row.join(", ")).join(" → ")})`;
};
