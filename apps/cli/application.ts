/** Who this program is, from its package.json. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export const readPackage = (path: string): PackageJson =>
  JSON.parse(readFileSync(path, "utf8")) as PackageJson;

export const APPLICATION = readPackage(join(import.meta.dirname, "package.json"));

/** The repository, or wherever the application is installed. */
export const ROOT = join(import.meta.dirname, "../..");
