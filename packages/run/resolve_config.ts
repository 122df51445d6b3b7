/** From presets, files and command lines to one configuration, every value of which knows where it came from. */
import { type PresetName, type VariantName, presets, variants } from "@resd/resd";
import { Effect, Schema, SchemaIssue } from "effect";
import { type ConfigError, type ConfigFault, configError } from "./config_error.ts";
import {
  type Sources,
  type Values,
  changesBetween,
  isValues,
  overlay,
  sourceAt,
  valueAt,
  withValueAt,
} from "./config_values.ts";
import { ineffective } from "./ineffective.ts";
import { nearestAdvice } from "./nearest.ts";
import { pruneVariants } from "./prune_variants.ts";
import { RunConfig, baseConfig } from "./run_config.ts";
import { under, valueOf, writtenSide } from "./schema_paths.ts";
import { unknownKeys } from "./unknown_keys.ts";

/** Values from one place: a file, or code. */
export interface ConfigPart {
  /** Where they stand, as a person would say it: `file my-run.toml`. */
  readonly source: string;
  readonly values: Values;
}

/** One value from a command line: `--resd.lr=1e-3` is path `resd.lr`, text `1e-3`. */
export interface Override {
  readonly path: string;
  readonly text: string;
  /** As it was written; `--<path>` unless given. */
  readonly flag?: string;
}

/** A whole configuration with its origins. */
export interface ResolvedConfig {
  readonly config: RunConfig;
  /** Where each value came from, by dotted path. */
  readonly sources: Readonly<Record<string, string>>;
}

/** The preset of a run that names none. */
export const DEFAULT_PRESET: PresetName = "kestrel";

/** The variant of a run that names none. */
export const DEFAULT_VARIANT: VariantName = "resd";

const fault = (path: string, source: string, message: string): ConfigFault => ({
  path,
  source,
  message,
});

/** All overrides as values; the same key twice is a contradiction, not a preference. */
const readOverrides = (overrides: ReadonlyArray<Override>) => {
  const roots = writtenSide(RunConfig);
  const faults: Array<ConfigFault> = [];
  const flags = new Map<string, string>();
  let values: Values = {};
  for (const { path, text, flag = `--${path}` } of overrides) {
    const keys = path.split(".");
    if (keys.includes("")) {
      const message = `Expected a dotted path such as resd.lr, got ${path}, at ${flag}; write --resd.lr=1e-3`;
      faults.push(fault(path, flag, message));
      continue;
    }
    if (flags.has(path)) {
      const message = `Expected ${path} once, got it twice, at ${flag}; keep one`;
      faults.push(fault(path, flag, message));
      continue;
    }
    flags.set(path, flag);
    const branches = keys.reduce(under, roots);
    values = withValueAt(values, keys, valueOf(text, branches));
  }
  const flagOf = (path: string): string => {
    for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const flag = flags.get(at);
      if (flag !== undefined) return flag;
    }
    return "command line";
  };
  return { values, flagOf, faults };
};

const format = SchemaIssue.makeFormatterStandardSchemaV1();

/** The schema's complaints, each with the key, the value and who gave it. */
export const schemaFaults = (
  issue: SchemaIssue.Issue,
  values: unknown,
  sources: Sources,
  prefix = "",
): ReadonlyArray<ConfigFault> =>
  format(issue).issues.map(({ message, path = [] }) => {
    const keys = path.map((segment) => (typeof segment === "object" ? segment.key : segment));
    const at = [...(prefix === "" ? [] : [prefix]), ...keys.map(String)].join(".");
    const source = sourceAt(sources, at);
    if (message === "Missing key") {
      return fault(at, source, `Expected a value, got none, at ${at}; give one: --${at}=…`);
    }
    const got = message.includes(", got ")
      ? ""
      : `, got ${JSON.stringify(valueAt(values, keys)) ?? "nothing"}`;
    return fault(at, source, `${message}${got}, at ${at} (${source}); correct it there`);
  });

type Layered = ConfigPart & { readonly sourceOf?: (path: string) => string };

/** Which entry of a table was asked for last. */
const chosen = Effect.fnUntraced(function* <Name extends string>(
  key: string,
  parts: ReadonlyArray<Layered>,
  table: Readonly<Record<Name, unknown>>,
  otherwise: Name,
): Effect.fn.Return<Name, ConfigError> {
  const part = parts.findLast(({ values }) => values[key] !== undefined);
  if (part === undefined) return otherwise;
  const name = String(part.values[key]);
  if (Object.hasOwn(table, name)) return name as Name;
  const source = part.sourceOf?.(key) ?? part.source;
  const message = `Expected the name of a ${key}, got ${name}, at ${source}; ${nearestAdvice(name, Object.keys(table))}`;
  return yield* configError([fault(key, source, message)]);
});

/**
 * Resolves a configuration: defaults ← preset ← variant ← parts, in order ← overrides. Every fault there is comes in one
 * error, with the key, the place and what to do: unknown presets, variants and keys with the nearest valid name, values that the schema
 * refuses, values that have no effect in this combination.
 */
export const resolveConfig = Effect.fn("resolveConfig")(function* (
  parts: ReadonlyArray<ConfigPart>,
  overrides: ReadonlyArray<Override> = [],
): Effect.fn.Return<ResolvedConfig, ConfigError> {
  const asked = readOverrides(overrides);
  const all: ReadonlyArray<Layered> = [
    ...parts,
    { source: "command line", values: asked.values, sourceOf: asked.flagOf },
  ];

  const preset = yield* chosen("preset", all, presets, DEFAULT_PRESET);
  const variant = yield* chosen("variant", all, variants, DEFAULT_VARIANT);

  const sources: Sources = new Map();
  const lay = (below: Values, above: Values, sourceOf: (path: string) => string) =>
    overlay(below, above, sources, sourceOf);
  let inherited = lay({}, { ...baseConfig }, () => "defaults");
  const named = { preset, variant, name: variant === DEFAULT_VARIANT ? preset : variant };
  inherited = lay(inherited, { ...named, resd: presets[preset] }, () => `preset ${preset}`);
  const changes = { resd: changesBetween(presets[preset], variants[variant].of(presets[preset])) };
  inherited = lay(inherited, changes, () => `variant ${variant}`);
  let values = inherited;
  for (const part of all) {
    values = lay(values, part.values, part.sourceOf ?? (() => part.source));
  }
  values = pruneVariants(RunConfig, values, sources);

  const unknown = [...asked.faults, ...unknownKeys(RunConfig, values, sources)];
  if (unknown.length > 0) return yield* configError(unknown);
  const config = yield* Schema.decodeUnknownEffect(RunConfig, {
    errors: "all",
    onExcessProperty: "error",
  })(values).pipe(
    Effect.mapError((error) => configError(schemaFaults(error.issue, values, sources))),
  );
  const idle = ineffective(config, sources, (path) => {
    const keys = path.split(".");
    const before = valueAt(inherited, keys);
    const now = valueAt(values, keys);
    // No options at all are nothing to be told about.
    if (isValues(now)) return Object.keys(now).length === 0;
    return !isValues(before) && JSON.stringify(before) === JSON.stringify(now);
  });
  if (idle.length > 0) return yield* configError(idle);
  return { config, sources: Object.fromEntries(sources) };
});
