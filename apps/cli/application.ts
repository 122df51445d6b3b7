/** Who this program is, from its package.json. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export const readPackage = (path: string): PackageJson =>
  JSON.parse(readFileSync(path, "utf8")) as PackageJson;

export const APPLICATION = readPackage(join(import.meta.dirname, "package.json"));

const above = join(import.meta.dirname, "../..");

/** Whether this program runs in a checkout of the repository, and not where npm has installed it. */
export const IN_CHECKOUT = existsSync(join(above, "pnpm-workspace.yaml"));

/** The repository, or where the application is installed: the folder that has the models which come along. */
export const ROOT = IN_CHECKOUT ? above : import.meta.dirname;
