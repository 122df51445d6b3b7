/** Keys that nothing reads. */
import type { Schema } from "effect";
import type { ConfigFault } from "./config_error.ts";
import { type Sources, type Values, isValues, sourceAt } from "./config_values.ts";
import { nearest } from "./nearest.ts";
import { allPaths, keysOf, meant, under, writtenSide } from "./schema_paths.ts";

type Branches = ReturnType<typeof writtenSide>;

/** The key that was meant: one that is spelled alike here, or one of the same name elsewhere. */
const advice = (
  path: string,
  key: string,
  siblings: ReadonlyArray<string>,
  everywhere: ReadonlyArray<string>,
): string => {
  const parent = path.slice(0, path.length - key.length);
  const near = nearest(key, siblings);
  const lastOf = (known: string) => known.slice(known.lastIndexOf(".") + 1);
  const named = everywhere.find((known) => lastOf(known) === key);
  if (named !== undefined) return `did you mean ${named}?`;
  if (near !== undefined) return `did you mean ${parent}${near}?`;
  const far = nearest(key, everywhere.map(lastOf));
  if (far !== undefined)
    return `did you mean ${everywhere.find((known) => lastOf(known) === far)}?`;
  return siblings.length === 0
    ? "it takes no options; leave it out"
    : `the keys here are ${siblings.join(", ")}`;
};

/** A fault for each key that the schema does not know, with the closest one that it does. */
export const unknownKeys = (
  schema: Schema.Top,
  values: Values,
  sources: Sources,
  prefix = "",
): ReadonlyArray<ConfigFault> => {
  const roots = writtenSide(schema);
  let everywhere: ReadonlyArray<string> | undefined;
  const paths = () =>
    (everywhere ??= allPaths(roots).map((path) => (prefix === "" ? path : `${prefix}.${path}`)));
  const walk = (value: unknown, branches: Branches, path: string): ReadonlyArray<ConfigFault> => {
    if (Array.isArray(value)) {
      return value.flatMap((item, i) => walk(item, under(branches, String(i)), `${path}.${i}`));
    }
    if (!isValues(value)) return [];
    const here = meant(branches, value);
    const known = keysOf(here);
    return Object.entries(value).flatMap(([key, inner]): ReadonlyArray<ConfigFault> => {
      const at = path === "" ? key : `${path}.${key}`;
      if (known === undefined || known.includes(key)) return walk(inner, under(here, key), at);
      const source = sourceAt(sources, at);
      const message = `Expected a known key, got ${at}, at ${source}; ${advice(at, key, known, paths())}`;
      return [{ path: at, source, message }];
    });
  };
  return walk(values, roots, prefix);
};
