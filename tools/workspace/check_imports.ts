/** The rules of imports: declared, allowed by the layers, inside the package when relative, and none declared in vain. */
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { whyForbidden } from "./layers.ts";
import { type Import, readSource } from "./source.ts";
import type { Violation } from "./violation.ts";
import { isTestFile, type Workspace, type WorkspacePackage } from "./workspace.ts";

/** `@effect/vitest/utils` and `effect/Schema` name the packages `@effect/vitest` and `effect`. */
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

const whyWrong = (
  workspace: Workspace,
  pkg: WorkspacePackage,
  path: string,
  { specifier, typeOnly }: Import,
): string | undefined => {
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (target.startsWith("..")) return "leaves the package; import the other package by its name";
    return isTestFile(target) && !isTestFile(path)
      ? "is for tests only; move what ships into a file without the underscore"
      : undefined;
  }
  if (specifier.startsWith("node:")) return undefined; // which folders may is a rule of oxlint
  if (isBuiltin(specifier)) return `is a module of Node; write "node:${specifier}"`;
  const name = packageOf(specifier);
  const to = workspace.packages.find((other) => other.manifest.name === name);
  const use = isTestFile(path) ? "test" : "ship";
  const reason = to === undefined ? undefined : whyForbidden(pkg.folder, to.folder, use);
  if (reason !== undefined) return `is not allowed here: ${reason}`;
  if (pkg.folder === "packages/core" && to?.folder === "packages/tensor" && !typeOnly) {
    return "loads code; core may use only the types of tensor: write `import type`";
  }
  const { dependencies, devDependencies, peerDependencies } = pkg.manifest;
  const declared = { ...dependencies, ...peerDependencies, ...(use === "test" && devDependencies) };
  if (name in declared || (use === "test" && workspace.rootDependencies.has(name))) {
    return undefined;
  }
  return name in (devDependencies ?? {})
    ? "is only a devDependency; move it to dependencies"
    : "is not declared; add it to dependencies in package.json";
};

/** Everything that is wrong with the imports of one package. */
export const checkImports = (
  workspace: Workspace,
  pkg: WorkspacePackage,
): ReadonlyArray<Violation> => {
  const found: Array<Violation> = [];
  const shipped = new Set<string>();
  const tested = new Set<string>();
  for (const { path, text } of pkg.sources) {
    for (const wanted of readSource(`${pkg.folder}/${path}`, text).imports) {
      (isTestFile(path) ? tested : shipped).add(packageOf(wanted.specifier));
      const reason = whyWrong(workspace, pkg, path, wanted);
      if (reason !== undefined) {
        const where = `${pkg.folder}/${path}:${wanted.line}`;
        found.push({ where, message: `"${wanted.specifier}" ${reason}` });
      }
    }
  }
  // Applications may load plugins by the name a configuration gives, so what they declare need not be imported.
  if (pkg.folder.startsWith("apps/") || pkg.sources.length === 0) return found;
  const { dependencies, devDependencies, peerDependencies } = pkg.manifest;
  const where = `${pkg.folder}/package.json`;
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (!shipped.has(name)) {
      const remedy = tested.has(name) ? "make it a devDependency" : "remove it";
      found.push({ where, message: `nothing that ships imports ${name}; ${remedy}` });
    }
  }
  for (const name of Object.keys(devDependencies ?? {})) {
    if (name.startsWith("@resd/") && !tested.has(name)) {
      found.push({ where, message: `no test imports ${name}; remove it` });
    }
  }
  return found;
};
