/** Values that belonged to another variant of a tagged union than the one that was chosen in the end. */
import type { Schema } from "effect";
import { type Sources, type Values, forget, isValues, sourceAt } from "./config_values.ts";
import { keysOf, meant, under, writtenSide } from "./schema_paths.ts";

/**
 * Leaves out keys that the chosen variant does not have, where another place than the one that chose it gave them: a flag
 * that says `objective._tag=PolicyGradient` need not take back the preset's `alpha`. What the choosing place itself says
 * stays, for the schema to refuse.
 */
export const pruneVariants = (schema: Schema.Top, values: Values, sources: Sources): Values => {
  const prune = (
    value: unknown,
    branches: ReturnType<typeof writtenSide>,
    path: string,
  ): unknown => {
    if (!isValues(value)) return value;
    const here = meant(branches, value);
    const known = keysOf(here);
    const chosenBy = sources.get(`${path}._tag`);
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => {
        const at = path === "" ? key : `${path}.${key}`;
        const foreign =
          "_tag" in value && known?.includes(key) === false && sourceAt(sources, at) !== chosenBy;
        if (!foreign) return [[key, prune(inner, under(here, key), at)]];
        forget(sources, at);
        return [];
      }),
    );
  };
  return prune(values, writtenSide(schema), "") as Values;
};
