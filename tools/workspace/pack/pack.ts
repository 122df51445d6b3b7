/** Tarballs of all published packages. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readWorkspace } from "../workspace.ts";
import { stagePackages } from "./stage_packages.ts";

/** The pnpm of the workspace's own setup, so that both read the same catalog in the same way. */
const pnpmOf = (root: string): string => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const found = /\bpnpm@[\d.]+/.exec(scripts["setup"] ?? "");
  if (found === null) {
    throw new Error('Expected a version of pnpm in the script "setup", got none, at package.json');
  }
  return found[0];
};

/** Packs every published package into `to`. Gives the names of the tarballs. */
export const pack = (root: string, to: string): ReadonlyArray<string> => {
  const stage = join(tmpdir(), `resd-stage-${process.pid}`);
  try {
    const published = stagePackages(root, readWorkspace(root), stage);
    mkdirSync(to, { recursive: true });
    for (const old of readdirSync(to)) if (old.endsWith(".tgz")) rmSync(join(to, old));
    execFileSync(
      "npx",
      ["-y", "--prefer-offline", pnpmOf(root), "-C", stage, "-r", "pack", "--pack-destination", to],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
    const tarballs = readdirSync(to).filter((name) => name.endsWith(".tgz"));
    if (tarballs.length !== published.length) {
      throw new Error(
        `Expected ${published.length} tarballs, got ${tarballs.length}, at ${to}; does pnpm skip one?`,
      );
    }
    return tarballs.toSorted();
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
};
