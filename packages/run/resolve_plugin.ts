/** From the name of a plugin to its code: the manifest is read, and found fit, before anything is imported. */
import { Manifest, hashName } from "@resd/core";
import { Effect, FileSystem, type Layer, Path, Result, Schema } from "effect";
import { moduleErrorText } from "./module_error.ts";
import { nearest } from "./nearest.ts";
import { PluginError } from "./plugin_error.ts";
import { RunHost } from "./run_host.ts";

/** What a plugin's package.json says under `resd`. */
export const PluginManifest = Schema.Struct({
  apiVersion: Schema.Literal("resd/1"),
  seam: Schema.Literals([
    "env",
    "reflector",
    "curator",
    "playbook",
    "compute",
    "sandbox",
    "similarity",
    "tracker",
  ]),
  id: Schema.NonEmptyString,
  /**
   * Module that exports `layer` and `Options` (an environment also `manifest`), relative to package.json. Where it names
   * JavaScript that was compiled from TypeScript, a checkout runs the source of the same name beside it.
   */
  entry: Schema.NonEmptyString,
});
export type PluginManifest = typeof PluginManifest.Type;

/** The seam that a plugin provides, as manifests write it. */
export type Seam = PluginManifest["seam"];

const PackageJson = Schema.fromJsonString(
  Schema.Struct({
    name: Schema.String,
    version: Schema.optionalKey(Schema.String),
    dependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    resd: Schema.optionalKey(Schema.Unknown),
  }),
);

/** A plugin whose manifest fits, not yet imported. */
export interface FoundPlugin {
  readonly use: string;
  readonly package: string;
  readonly version: string;
  readonly manifest: PluginManifest;
  /** Absolute path of the module. */
  readonly entry: string;
  /** Versions of what it brings along from elsewhere: they decide the numbers of a run as much as its own. */
  readonly drivers: Readonly<Record<string, string>>;
}

/** A plugin's module, as far as its exports are checked: whether `layer` fits its seam, running it shows. */
export interface PluginModule {
  readonly layer: (options: unknown) => Layer.Layer<never, unknown, unknown>;
  readonly Options: Schema.Top;
  /** Of environments: what they say of themselves. */
  readonly manifest?: Manifest;
}

const isPath = (use: string): boolean => /^(\.{1,2}(\/|$)|\/|[A-Za-z]:[\\/])/.test(use);

/** A module by itself, such as `./my_env.ts`: a plugin without a package around it. */
const isModule = (use: string): boolean => isPath(use) && /\.m?[jt]s$/.test(use);

const candidates = (seam: Seam, use: string): ReadonlyArray<string> =>
  use.includes("/") || use.startsWith("resd-")
    ? [use]
    : [`@resd/${seam}-${use}`, `resd-${seam}-${use}`, use];

const notFound = (
  seam: Seam,
  use: string,
  tried: ReadonlyArray<string>,
  known: ReadonlyArray<string>,
) => {
  const prefix = `@resd/${seam}-`;
  const ids = known.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  const close = nearest(use, ids);
  const advice = /\.m?[jt]s$/.test(use)
    ? `if the file is meant, write ./${use}`
    : close !== undefined
      ? `did you mean ${close}?`
      : ids.length > 0
        ? "choose one of them, install the package, or give a path"
        : "install the package, or give a path";
  const others = ids.length > 0 ? `, which is none of ${ids.join(", ")}` : "";
  return new PluginError({
    use,
    reason: "not-found",
    message: `Expected a plugin for the seam ${seam}, got ${use}${others}, and no package ${tried.join(", ")}; ${advice}`,
  });
};

/** Installed versions of the dependencies that are not ours. */
const driversOf = Effect.fnUntraced(function* (
  { dependencies = {} }: typeof PackageJson.Type,
  file: string,
) {
  const fs = yield* FileSystem.FileSystem;
  const { findPackage } = yield* RunHost;
  const versions: Record<string, string> = {};
  for (const name of Object.keys(dependencies).filter((one) => !one.startsWith("@resd/"))) {
    const found = findPackage(name, file);
    const text = found === undefined ? "{}" : yield* fs.readFileString(found);
    const json = Schema.decodeResult(PackageJson)(text);
    if (Result.isSuccess(json)) versions[name] = json.success.version ?? "unversioned";
  }
  return versions;
});

const exists = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.exists(path), () => false));

/** The plugin that a single module is. It has no package.json: its own manifest is checked once it is imported. */
const findModule = Effect.fnUntraced(function* (
  seam: Seam,
  use: string,
): Effect.fn.Return<FoundPlugin, PluginError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const entry = path.resolve(use);
  const text = yield* Effect.mapError(
    fs.readFileString(entry),
    () =>
      new PluginError({
        use,
        reason: "not-found",
        message: `Expected the module of a plugin, got no readable file, at ${entry}; correct the path`,
      }),
  );
  return {
    use,
    package: use,
    version: `text-${hashName(text)}`,
    manifest: {
      apiVersion: "resd/1",
      seam,
      id: path.basename(use).replace(/\.m?[jt]s$/, ""),
      entry: `./${path.basename(use)}`,
    },
    entry,
    drivers: {},
  };
});

/** Compiled JavaScript is for places where Node.js strips no types; where the source lies beside it, the source runs. */
const sourceOrCompiled = Effect.fnUntraced(function* (entry: string) {
  const source = entry.replace(/\.js$/, ".ts");
  const installed = /[\\/]node_modules[\\/]/.test(entry);
  const [first, second] = installed ? [entry, source] : [source, entry];
  return (yield* exists(first)) || !(yield* exists(second)) ? first : second;
});

/** Finds a plugin by id, package name or path, and decodes its manifest. Nothing of the plugin runs. */
export const findPlugin = Effect.fn("findPlugin")(function* (
  seam: Seam,
  use: string,
): Effect.fn.Return<FoundPlugin, PluginError, FileSystem.FileSystem | Path.Path | RunHost> {
  if (isModule(use)) return yield* findModule(seam, use);
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const host = yield* RunHost;
  const refuse = (message: string) => new PluginError({ use, reason: "manifest", message });

  let file: string | undefined;
  const tried = isPath(use) ? [path.resolve(use)] : candidates(seam, use);
  for (const name of tried) {
    const found = isPath(use) ? path.join(name, "package.json") : host.findPackage(name);
    if (found === undefined) continue;
    if (yield* exists(found)) {
      file = found;
      break;
    }
  }
  if (file === undefined) return yield* notFound(seam, use, tried, host.knownPackages);

  const text = yield* Effect.mapError(fs.readFileString(file), (error) => refuse(error.message));
  const json = yield* Schema.decodeEffect(PackageJson)(text).pipe(
    Effect.mapError((error) =>
      refuse(`Expected a package.json, got ${error.message}, at ${file}; correct it`),
    ),
  );
  if (json.resd === undefined) {
    return yield* refuse(
      `Expected a "resd" manifest, got a package without one, at ${file}; add "resd": {"apiVersion": "resd/1", "seam": "${seam}", "id": "…", "entry": "./mod.ts"}`,
    );
  }
  const manifest = yield* Schema.decodeUnknownEffect(PluginManifest, { errors: "all" })(
    json.resd,
  ).pipe(
    Effect.mapError((error) =>
      refuse(
        `Expected a manifest for resd/1, got ${JSON.stringify(json.resd)}, at ${file}: ${error.message}; correct "resd" there, or install a version of ${json.name} for resd/1`,
      ),
    ),
  );
  if (manifest.seam !== seam) {
    return yield* refuse(
      `Expected a plugin for the seam ${seam}, got ${json.name} for the seam ${manifest.seam}, at ${file}; choose another plugin here`,
    );
  }
  return {
    use,
    package: json.name,
    version: json.version ?? "unversioned",
    manifest,
    entry: yield* sourceOrCompiled(path.resolve(path.dirname(file), manifest.entry)),
    drivers: yield* Effect.mapError(driversOf(json, file), (error) => refuse(error.message)),
  };
});

/** Advice for a module that does not load. */
const whyUnloaded = (error: unknown, { package: name, entry }: FoundPlugin): string => {
  const typed =
    error instanceof Error &&
    "code" in error &&
    error.code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING";
  return typed
    ? `Expected JavaScript in an installed package, got TypeScript, at ${entry}; its author has to compile ${name} before publishing it`
    : `${moduleErrorText(error, entry)}; ${isModule(name) ? "correct it" : `correct or reinstall ${name}`}`;
};

/** Imports a plugin that was found and checks what its module exports. */
export const loadPlugin = Effect.fn("loadPlugin")(function* (
  found: FoundPlugin,
): Effect.fn.Return<PluginModule, PluginError, RunHost> {
  const host = yield* RunHost;
  const refuse = (message: string) =>
    new PluginError({ use: found.use, reason: "module", message });
  const module = yield* Effect.tryPromise({
    try: () => host.importModule(found.entry) as Promise<Partial<PluginModule>>,
    catch: (error) => refuse(whyUnloaded(error, found)),
  });
  const { layer, Options } = module;
  if (typeof layer !== "function" || !Schema.isSchema(Options)) {
    return yield* refuse(
      `Expected exports layer(options) and Options, got ${Object.keys(module).join(", ") || "none"}, at ${found.entry}; export both`,
    );
  }
  if (found.manifest.seam !== "env") return { layer, Options };
  const manifest = yield* Schema.decodeUnknownEffect(Manifest, { errors: "all" })(
    module.manifest,
  ).pipe(
    Effect.mapError((error) =>
      refuse(
        `Expected an export manifest for resd/1, got ${JSON.stringify(module.manifest) ?? "none"}, at ${found.entry}: ${error.message}; export what defineEnvironment gives`,
      ),
    ),
  );
  return { layer, Options, manifest };
});
