/** Laws of the package around an environment: what its package.json says, before and beside its code. */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { PluginManifest, RunHost } from "@resd/run";
import { type Law, demand, law } from "@resd/testing";
import { Effect, Schema } from "effect";
import type { Introduction } from "./protocol.ts";

const strings = Schema.Record(Schema.String, Schema.String);
const PackageJson = Schema.Struct({
  license: Schema.optionalKey(Schema.String),
  keywords: Schema.optionalKey(Schema.Array(Schema.String)),
  scripts: Schema.optionalKey(strings),
  dependencies: Schema.optionalKey(strings),
  peerDependencies: Schema.optionalKey(strings),
  resd: PluginManifest,
});

/** Scripts that npm runs on the machine of whoever installs a package. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"];
/** Packages of which a plugin and the run must have the same copy, or errors of one are strangers to the other. */
const SHARED = ["@resd/core", "effect"];
const MOST_IMPORT_MILLIS = 1000;

/** Laws of what importing a plugin does. */
const importLaws = ({ importMillis, opened }: Introduction): ReadonlyArray<Law> => [
  law(
    "environment.package.import-quiet",
    "importing the plugin opens no handle and no timer",
    demand(
      opened.length === 0,
      "nothing open after the import",
      opened,
      "open files, sockets and timers in `make`, inside a Scope",
    ),
  ),
  law(
    "environment.package.import-fast",
    `importing the plugin takes less than ${MOST_IMPORT_MILLIS} ms`,
    demand(
      importMillis < MOST_IMPORT_MILLIS,
      `less than ${MOST_IMPORT_MILLIS} ms`,
      `${importMillis} ms`,
      "read data and load heavy dependencies in `make`",
    ),
    { required: false },
  ),
];

const fileLaws = (file: string, { manifest }: Introduction): ReadonlyArray<Law<RunHost>> => {
  const json = Effect.suspend(() =>
    Schema.decodeUnknownEffect(Schema.fromJsonString(PackageJson))(readFileSync(file, "utf8")),
  );
  return [
    law(
      "environment.package.manifest",
      'package.json has a manifest "resd" for this version, with the id that the code says',
      Effect.flatMap(json, ({ resd }) =>
        demand(
          resd.id === manifest.id,
          `the id "${manifest.id}"`,
          `"${resd.id}"`,
          `correct resd.id at ${file}`,
        ),
      ),
    ),
    law(
      "environment.package.licence",
      "package.json names a licence",
      Effect.flatMap(json, ({ license = "" }) =>
        demand(license.trim() !== "", "an SPDX name", license, `add "license" at ${file}`),
      ),
    ),
    law(
      "environment.package.scripts",
      "installing the package runs nothing",
      Effect.flatMap(json, ({ scripts = {} }) => {
        const found = INSTALL_SCRIPTS.filter((name) => name in scripts);
        return demand(
          found.length === 0,
          "no install scripts",
          found,
          `compile in prepack instead, at ${file}`,
        );
      }),
    ),
    law(
      "environment.package.shared",
      `the plugin uses the same ${SHARED.join(" and ")} as this program`,
      Effect.gen(function* () {
        const { findPackage } = yield* RunHost;
        const { dependencies, peerDependencies } = yield* json;
        for (const name of SHARED) {
          if (!(name in { ...dependencies, ...peerDependencies })) continue;
          const [theirs, ours] = [findPackage(name, file), findPackage(name)];
          yield* demand(
            theirs === undefined ||
              ours === undefined ||
              realpathSync(theirs) === realpathSync(ours),
            `${name} at ${ours}`,
            theirs,
            `make it a peerDependency at ${file}, with a range that holds this one`,
          );
        }
      }),
    ),
    law(
      "environment.package.keyword",
      'package.json has the keyword "resd-env", by which environments are found',
      Effect.flatMap(json, ({ keywords = [] }) =>
        demand(
          keywords.includes("resd-env"),
          'the keyword "resd-env"',
          keywords,
          `add it at ${file}`,
        ),
      ),
      { required: false },
    ),
  ];
};

/** The package.json of the package that an entry belongs to. */
const packageFileOf = (entry: string): string | undefined => {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    try {
      readFileSync(join(folder, "package.json"));
      return join(folder, "package.json");
    } catch {
      if (folder === dirname(folder)) return undefined;
    }
  }
};

/** The laws of a package, and of a module alone those of importing it. */
export const packageLaws = (introduction: Introduction): ReadonlyArray<Law<RunHost>> => {
  const alone = introduction.package.startsWith(".") || introduction.package.startsWith("/");
  const file = alone ? undefined : packageFileOf(introduction.entry);
  return [...(file === undefined ? [] : fileLaws(file, introduction)), ...importLaws(introduction)];
};
