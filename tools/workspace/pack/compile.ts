/** From TypeScript to what installed packages hold: Node.js strips no types below node_modules. */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkspacePackage } from "../workspace.ts";
import { shippedSources } from "./published.ts";

/** A specifier of a file beside this one, such as `"./worker.ts"`, where something is loaded from. */
const relativeSource = /((?:\bfrom|\bimport\(|\bnew URL\()\s*)(["'])(\.{1,2}\/[^"'\n]+)\.ts\2/g;

/** Specifiers that the compiler leaves alone: those of declarations, and of files that are loaded by URL. */
export const rewriteSpecifiers = (text: string): string =>
  text.replaceAll(relativeSource, "$1$2$3.js$2");

const run = (root: string, config: string) => {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", config],
    { encoding: "utf8" },
  );
  if (error !== undefined) throw error;
  if (status !== 0) {
    throw new Error(
      `Expected sources that compile, got what tsc refuses; run npm test\n${stdout}${stderr}`,
    );
  }
};

/**
 * Compiles the sources of packages into `out`, each below its folder: JavaScript, and declarations except for applications,
 * which nobody imports. Types have been checked before.
 */
export const compile = (
  root: string,
  packages: ReadonlyArray<WorkspacePackage>,
  out: string,
): void => {
  const apps = packages.filter(({ folder }) => folder.startsWith("apps/"));
  const libraries = packages.filter((pkg) => !apps.includes(pkg));
  for (const [some, declaration] of [
    [apps, false],
    [libraries, true],
  ] as const) {
    if (some.length === 0) continue;
    const config = join(root, `tsconfig.pack.${process.pid}.json`);
    const files = some.flatMap((pkg) =>
      shippedSources(pkg).map((path) => join(root, pkg.folder, path)),
    );
    const compilerOptions = {
      noEmit: false,
      noCheck: true,
      declaration,
      rootDir: root,
      outDir: out,
      plugins: [],
    };
    writeFileSync(
      config,
      JSON.stringify({ extends: "./tsconfig.base.json", compilerOptions, files }),
    );
    try {
      run(root, config);
    } finally {
      rmSync(config);
    }
  }
  for (const pkg of packages) {
    for (const source of shippedSources(pkg)) {
      for (const ending of [".js", ".d.ts"]) {
        const path = join(out, pkg.folder, source.replace(/\.ts$/, ending));
        if (ending === ".d.ts" && apps.includes(pkg)) continue;
        const text = readFileSync(path, "utf8");
        const rewritten = rewriteSpecifiers(text);
        if (rewritten !== text) writeFileSync(path, rewritten);
      }
    }
  }
};
