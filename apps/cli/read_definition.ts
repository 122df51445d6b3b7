/** From a command line to a configuration: defaults of the application, the file, the flags. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ConfigPart, type Override, RunHost, readConfigFile, resolveConfig } from "@resd/run";
import { Effect, Option } from "effect";
import { ROOT } from "./application.ts";

const SHIPPED_MODEL = "models/kestrel";

/** The model that comes with the application is found wherever the application is started from. */
export const shippedModel = (): ReadonlyArray<ConfigPart> =>
  existsSync(SHIPPED_MODEL)
    ? []
    : [{ source: "defaults", values: { model: join(ROOT, SHIPPED_MODEL) } }];

/** What a configuration file says, and the layers that it has in code. */
export const readFileOption = Effect.fnUntraced(function* (file: Option.Option<string>) {
  const { importModule } = yield* RunHost;
  return Option.isSome(file)
    ? yield* readConfigFile(file.value, importModule)
    : { parts: [], layers: {} };
});

/** The configuration of a command line, with the layers of its file. */
export const readDefinition = Effect.fnUntraced(function* (
  file: Option.Option<string>,
  overrides: ReadonlyArray<Override>,
) {
  const { parts, layers } = yield* readFileOption(file);
  return { resolved: yield* resolveConfig([...shippedModel(), ...parts], overrides), layers };
});
