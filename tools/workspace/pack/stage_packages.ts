/** The packages as they are published: JavaScript with declarations, laid out as in the workspace. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Manifest, Workspace, WorkspacePackage } from "../workspace.ts";
import { compile } from "./compile.ts";
import { isPublished, isTemplate } from "./published.ts";

/** What is never published: what was installed, what tests read, what is compiled, what was made. */
const withheld = new Set(["node_modules", "dist", "fixtures"]);
const isSource = (path: string): boolean => /\.m?ts$/.test(path);

const compiled = (path: string): string => path.replace(/\.ts$/, ".js");

/** The exports of a package, each with the declarations beside its code. */
const exportsOf = (manifest: Manifest) =>
  Object.fromEntries(
    Object.entries(manifest.exports ?? {}).map(([name, path]) => [
      name,
      typeof path === "string" && isSource(path)
        ? { types: path.replace(/\.ts$/, ".d.ts"), default: compiled(path) }
        : path,
    ]),
  );

/** The package.json as it is published, except for versions, which pnpm writes when it packs. */
export const publishedManifest = (
  pkg: WorkspacePackage,
  more: Readonly<Record<string, unknown>> = {},
) => {
  const { devDependencies: _dev, ...manifest } = pkg.manifest as Manifest & {
    readonly bin?: Readonly<Record<string, string>>;
  };
  const { bin, resd } = manifest;
  return {
    ...manifest,
    exports: exportsOf(manifest),
    publishConfig: { access: "public" },
    ...(bin === undefined
      ? {}
      : {
          bin: Object.fromEntries(
            Object.entries(bin).map(([name, path]) => [name, compiled(path)]),
          ),
        }),
    ...(typeof resd?.["entry"] === "string"
      ? { resd: { ...resd, entry: compiled(resd["entry"]) } }
      : {}),
    ...more,
  };
};

/** Copies what is not compiled. */
const copyRest = (from: string, to: string, prefix = ""): void => {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory()) {
      if (!withheld.has(entry.name)) copyRest(join(from, entry.name), to, `${path}/`);
    } else if (path !== "package.json" && (!isSource(path) || isTemplate(path))) {
      mkdirSync(dirname(join(to, path)), { recursive: true });
      cpSync(join(from, entry.name), join(to, path));
    }
  }
};

/** What an application needs besides its code: the model it starts with, and the Node.js that runs it. */
const equip = (root: string, to: string) => {
  cpSync(join(root, "models"), join(to, "models"), { recursive: true });
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  return { optionalDependencies };
};

/**
 * Writes all published packages of a workspace into `stage`, as a workspace that pnpm can pack. Gives them.
 *
 * @param stage is emptied first.
 */
export const stagePackages = (
  root: string,
  workspace: Workspace,
  stage: string,
): ReadonlyArray<WorkspacePackage> => {
  const published = workspace.packages.filter(isPublished);
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const name of ["pnpm-workspace.yaml", ".npmrc"]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(stage, name));
  }
  writeFileSync(join(stage, "package.json"), '{ "name": "stage", "private": true }\n');
  compile(root, published, stage);
  for (const pkg of published) {
    const from = join(root, pkg.folder);
    const to = join(stage, pkg.folder);
    mkdirSync(to, { recursive: true });
    copyRest(from, to);
    cpSync(join(root, "LICENSE"), join(to, "LICENSE"));
    const more = pkg.folder.startsWith("apps/") ? equip(root, to) : {};
    const manifest = publishedManifest(pkg, more);
    writeFileSync(join(to, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
    if (!existsSync(join(to, "README.md"))) {
      const { name = basename(pkg.folder) } = pkg.manifest;
      const description = (pkg.manifest as { readonly description?: string }).description ?? "";
      writeFileSync(join(to, "README.md"), `# ${name}\n\n${description}\n`);
    }
    // Where pnpm reads the versions of what "workspace:" names.
    symlinkSync(join(from, "node_modules"), join(to, "node_modules"));
  }
  return published;
};
