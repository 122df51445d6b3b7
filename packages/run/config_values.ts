/** Values from several places, one above the other, each leaf with the place that it came from. */

export type Values = { readonly [key: string]: unknown };

/** Where the value at each dotted path came from. */
export type Sources = Map<string, string>;

export const isValues = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const pathOf = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** Takes back what is known of a path and everything below it. */
export const forget = (sources: Sources, path: string): void => {
  for (const known of sources.keys()) {
    if (known === path || known.startsWith(`${path}.`)) sources.delete(known);
  }
};

const isLeaf = (value: unknown): boolean => !isValues(value) || Object.keys(value).length === 0;

const record = (
  sources: Sources,
  path: string,
  value: unknown,
  sourceOf: (path: string) => string,
): void => {
  if (isLeaf(value)) sources.set(path, sourceOf(path));
  else {
    for (const [key, inner] of Object.entries(value as Values)) {
      record(sources, pathOf(path, key), inner, sourceOf);
    }
  }
};

/**
 * Lays values over others. Objects merge, everything else replaces, `null` takes an optional value away. Where `use`
 * changes, the options of another plugin were meant for it, so nothing of the object below remains.
 *
 * @param sources is kept up to date. @param sourceOf names the place of each new leaf.
 */
export const overlay = (
  below: Values,
  above: Values,
  sources: Sources,
  sourceOf: (path: string) => string,
  path = "",
): Values => {
  const switched =
    above["use"] !== undefined && below["use"] !== undefined && above["use"] !== below["use"];
  if (switched) forget(sources, path);
  const merged: Record<string, unknown> = switched ? {} : { ...below };
  for (const [key, value] of Object.entries(above)) {
    const at = pathOf(path, key);
    const old = merged[key];
    if (value === undefined) continue;
    if (value === null) {
      delete merged[key];
      forget(sources, at);
    } else if (isValues(value) && isValues(old)) {
      merged[key] = overlay(old, value, sources, sourceOf, at);
      if (Object.keys(old).length === 0 && Object.keys(value).length > 0) sources.delete(at);
    } else {
      forget(sources, at);
      merged[key] = value;
      record(sources, at, value, sourceOf);
    }
  }
  return merged;
};

/** What `overlay` has to lay over `before` to make it `after`: values that differ, and `null` for what is gone. */
export const changesBetween = (before: Values, after: Values): Values => {
  const changes: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (now === undefined) {
      if (old !== undefined) changes[key] = null;
    } else if (isValues(old) && isValues(now)) {
      const inner = changesBetween(old, now);
      if (Object.keys(inner).length > 0) changes[key] = inner;
    } else if (JSON.stringify(old) !== JSON.stringify(now)) {
      changes[key] = now;
    }
  }
  return changes;
};

/** The value at a path, or undefined. */
export const valueAt = (values: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    values,
  );

/** Sets a value deep inside, on a copy. */
export const withValueAt = (
  values: Values,
  path: ReadonlyArray<string>,
  value: unknown,
): Values => {
  const [key, ...rest] = path;
  if (key === undefined) return values;
  const inner = values[key];
  return {
    ...values,
    [key]: rest.length === 0 ? value : withValueAt(isValues(inner) ? inner : {}, rest, value),
  };
};

/** Who gave the value at a path, or the values above or below it. */
export const sourceAt = (sources: Sources, path: string): string => {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    const source = sources.get(at);
    if (source !== undefined) return source;
  }
  const below = [...sources].find(([known]) => known.startsWith(`${path}.`));
  return below?.[1] ?? "nowhere";
};
