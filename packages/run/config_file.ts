/** Configuration files: TOML, JSON, or TypeScript that exports a defined run. */
import { Effect, FileSystem, Path } from "effect";
import { Toml } from "effect/encoding";
import { Result } from "effect";
import { ConfigError } from "./config_error.ts";
import { type Values, isValues } from "./config_values.ts";
import { type RunLayers, definitionFault, isDefinedRun, partsOf } from "./define_run.ts";
import { moduleErrorText } from "./module_error.ts";
import type { ConfigPart } from "./resolve_config.ts";
import { SLOTS } from "./run_config.ts";

/** What a file contributes to a run. */
export interface ConfigFile {
  readonly parts: ReadonlyArray<ConfigPart>;
  readonly layers: RunLayers;
}

const refuse = (path: string, message: string) =>
  new ConfigError({ message, faults: [{ path: "", source: `file ${path}`, message }] });

const isRelative = (text: unknown): text is string =>
  typeof text === "string" && /^\.{1,2}(\/|$)/.test(text);

/** Paths that begin with a dot are meant from the folder of the file. */
const fromFolder = (values: Values, absolute: (path: string) => string): Values => {
  const move = (value: unknown) => (isRelative(value) ? absolute(value) : value);
  const moveUse = (value: unknown) =>
    isValues(value) && "use" in value ? { ...value, use: move(value["use"]) } : value;
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      if (key === "model" || key === "runDir" || key === "prompts") return [key, move(value)];
      if (key === "trackers" && Array.isArray(value)) return [key, value.map(moveUse)];
      return [key, Object.hasOwn(SLOTS, key) ? moveUse(value) : value];
    }),
  );
};

const parseText = (text: string, path: string): Result.Result<Values, ConfigError> => {
  if (path.endsWith(".toml")) {
    return Result.mapError(Toml.parse(text), (error) =>
      refuse(
        path,
        `Expected TOML, got what does not parse: ${error.message}, at ${path}; correct it`,
      ),
    );
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isValues(value)) return Result.succeed(value);
    return Result.fail(
      refuse(
        path,
        `Expected an object of configuration values, got ${JSON.stringify(value).slice(0, 60)}, at ${path}; write an object, such as {"seed": 2}`,
      ),
    );
  } catch (error) {
    return Result.fail(
      refuse(
        path,
        `Expected JSON, got what does not parse: ${(error as Error).message}, at ${path}; correct it`,
      ),
    );
  }
};

/**
 * Reads a configuration file.
 *
 * @param importModule imports a module by its absolute path; the application gives it, so that this package stays free
 * of any runtime.
 */
export const readConfigFile = Effect.fn("readConfigFile")(function* (
  file: string,
  importModule: (path: string) => Promise<unknown>,
): Effect.fn.Return<ConfigFile, ConfigError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const absolute = path.resolve(file);
  const source = `file ${file}`;
  const moved = (parts: ReadonlyArray<ConfigPart>): ReadonlyArray<ConfigPart> =>
    parts.map((part) => ({
      ...part,
      values: fromFolder(part.values, (from) => path.resolve(path.dirname(absolute), from)),
    }));

  if (!(yield* Effect.orElseSucceed(fs.exists(absolute), () => false))) {
    return yield* refuse(
      file,
      `Expected a configuration file, got no such file, at ${absolute}; give the path of a .toml, .json or .ts file`,
    );
  }
  if (/\.m?[jt]s$/.test(file)) {
    const module = yield* Effect.tryPromise({
      try: () => importModule(absolute),
      catch: (error) => refuse(file, `${moduleErrorText(error, absolute, file)}; correct it`),
    });
    const run = isValues(module) ? module["default"] : undefined;
    if (!isDefinedRun(run)) {
      return yield* refuse(
        file,
        `Expected a run as the default export, got ${run === undefined ? "no default export" : typeof run}, at ${file}; write export default defineRun({ … })`,
      );
    }
    const fault = definitionFault(run, source);
    if (fault !== undefined) return yield* refuse(file, fault);
    return { parts: moved(partsOf(run, source)), layers: run.layers ?? {} };
  }
  if (!/\.(toml|json)$/.test(file)) {
    return yield* refuse(
      file,
      `Expected a .toml, .json or .ts file, got ${path.basename(file)}, at ${absolute}; rename it`,
    );
  }
  const text = yield* Effect.mapError(fs.readFileString(absolute), (error) =>
    refuse(
      file,
      `Expected a readable file, got ${error.message}, at ${absolute}; correct the path, or its permissions`,
    ),
  );
  const values = yield* Effect.fromResult(parseText(text, file));
  return { parts: moved([{ source, values }]), layers: {} };
});
