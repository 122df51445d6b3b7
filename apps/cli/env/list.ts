/** `resd env list`: environments that can be named here, read from their package.json files; no code of theirs runs. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { RunHost, findPlugin } from "@resd/run";
import { Console, Effect, Result, Schema } from "effect";
import { hostLayer } from "../host.ts";
import { inkFor } from "../ink.ts";

const PackageJson = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.optionalKey(Schema.String),
    description: Schema.optionalKey(Schema.String),
    keywords: Schema.optionalKey(Schema.Array(Schema.String)),
    dependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
    devDependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
    resd: Schema.optionalKey(Schema.Struct({ seam: Schema.optionalKey(Schema.String) })),
  }),
);

const readPackageJson = (file: string) => {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "{}";
  return Result.getOrElse(Schema.decodeResult(PackageJson)(text), () => ({}) as never);
};

export interface ListedEnvironment {
  readonly id: string;
  /** What --env takes. */
  readonly use: string;
  readonly package: string;
  readonly version: string;
  readonly description: string;
}

/** An environment that is there and cannot be used, and why. */
export interface RefusedEnvironment {
  readonly use: string;
  readonly message: string;
}

/** Packages that may be environments: this one, what it depends on, what comes along. */
const candidates = (known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const here = readPackageJson(resolve("package.json"));
  return [
    ...(here.resd?.seam === "env" ? ["."] : []),
    ...Object.keys({ ...here.dependencies, ...here.devDependencies }),
    ...known,
  ];
};

/** What --env takes for a package: the id where that finds it. */
const shortest = (name: string): string => /^(?:@resd\/|resd-)env-(.+)$/.exec(name)?.[1] ?? name;

/** All environments that can be named here. */
export const listEnvironments = Effect.gen(function* () {
  const { findPackage, knownPackages } = yield* RunHost;
  const listed = new Map<string, ListedEnvironment>();
  const refused: Array<RefusedEnvironment> = [];
  for (const use of new Set(candidates(knownPackages))) {
    const file = use === "." ? resolve("package.json") : findPackage(use);
    if (file === undefined) continue;
    const { keywords = [], resd, description = "" } = readPackageJson(file);
    if (resd?.seam !== "env" && !keywords.includes("resd-env")) continue;
    const found = yield* Effect.result(findPlugin("env", use === "." ? dirname(file) : use));
    if (Result.isFailure(found)) {
      refused.push({ use, message: found.failure.message });
      continue;
    }
    const { package: name, version, manifest } = found.success;
    if (listed.has(name)) continue;
    listed.set(name, {
      id: manifest.id,
      use: use === "." ? "." : shortest(name),
      package: name,
      version,
      description,
    });
  }
  return {
    environments: [...listed.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    refused,
  };
});

export const list = Effect.fnUntraced(function* (input: { readonly json: boolean }) {
  const found = yield* listEnvironments;
  if (input.json) return yield* Console.log(JSON.stringify(found));
  const ink = inkFor(process.stdout);
  const width = Math.max(0, ...found.environments.map(({ use }) => use.length));
  yield* Console.log(
    [
      ...found.environments.map(
        ({ use, package: name, version, description }) =>
          `${ink("bold", use.padEnd(width))}  ${description}  ${ink("dim", `${name} ${version}`)}`,
      ),
      ...found.refused.map(({ message }) => `${ink("red", "unusable")}  ${message}`),
      ...(found.environments.length === 0 ? ["No environments here."] : []),
    ].join("\n"),
  );
}, Effect.provide(hostLayer));
