/** One run of a comparison: a variant, a setting of it, a seed. */
import { hashName } from "@resd/core";
import type { ConfigPart, ResolvedConfig, RunConfig, Values } from "@resd/run";
import { Schema } from "effect";

/** What a cell is run for. */
export const CellRole = Schema.Union([
  /** A row of the comparison. */
  Schema.TaggedStruct("Result", {}),
  /** One setting of a sweep, counted from 0 as the file lists them. */
  Schema.TaggedStruct("Tuning", { setting: Schema.Int }),
]);
export type CellRole = typeof CellRole.Type;

/** A run that has been resolved, but not yet made. */
export interface Cell {
  readonly variant: string;
  readonly seed: number;
  readonly role: CellRole;
  /** What `resolveConfig` is given again by the process that runs the cell. */
  readonly parts: ReadonlyArray<ConfigPart>;
  readonly file?: string;
  readonly resolved: ResolvedConfig;
  /** Equal for equal runs: configuration, weights to start from and code of the variant; 32 hex digits. */
  readonly key: string;
}

/** A value as text that does not depend on the order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/**
 * Names everything that decides what a run does. What it is called and where it lies is left out.
 *
 * @param fingerprints of the model's files, and of the file that holds the variant's code.
 */
export const cellKey = (config: RunConfig, fingerprints: ReadonlyArray<string>): string => {
  const { runDir: _, name: _name, variant: _variant, trackers: _listeners, ...decides } = config;
  return hashName(canonical(decides), ...fingerprints);
};

/** Name of a cell's folder: for people first, then the part of the key that nothing else shares. */
export const cellFolderName = ({ variant, seed, key }: Cell): string =>
  `${variant.replaceAll(/[^\p{L}\p{N}._-]+/gu, "-")}-seed-${seed}-${shortKey(key)}`;

/** As much of a key as names a folder. */
export const shortKey = (key: string): string => key.slice(0, 10);

/** A setting as a person reads it: `resd.lr 0.001, resd.batchSize 32`. */
export const settingText = (setting: Values): string => {
  const leaves = (values: Values, path: string): ReadonlyArray<string> =>
    Object.entries(values).flatMap(([key, value]) => {
      const at = path === "" ? key : `${path}.${key}`;
      return typeof value === "object" && value !== null && !Array.isArray(value)
        ? leaves(value as Values, at)
        : [`${at} ${typeof value === "string" ? value : JSON.stringify(value)}`];
    });
  const all = leaves(setting, "");
  return all.length === 0 ? "as the variant has it" : all.join(", ");
};

/** How a cell is called in lines of progress: `resd seed 3`, `resd setting 2 seed 101`. */
export const cellName = ({
  variant,
  seed,
  role,
}: Pick<Cell, "variant" | "seed" | "role">): string =>
  role._tag === "Result"
    ? `${variant} seed ${seed}`
    : `${variant} setting ${role.setting + 1} seed ${seed}`;
