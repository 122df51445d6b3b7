/** What differs between variants, and whether they were measured alike. */
import type { RunConfig } from "@resd/run";
import { medianOf } from "./bootstrap.ts";
import { finalPoint } from "./cell_result.ts";
import type { Conducted } from "./conduct.ts";
import { FEWEST_PAIRS } from "./verdict.ts";
import type { Matrix } from "./read_matrix.ts";
import { countText } from "./wording.ts";

/** Leaves of a configuration by dotted path. What only names a run is left out. */
const leavesOf = (config: RunConfig): Readonly<Record<string, string>> => {
  const leaves: Record<string, string> = {};
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) {
        walk(inner, path === "" ? key : `${path}.${key}`);
      }
    } else leaves[path] = typeof value === "string" ? value : JSON.stringify(value);
  };
  const { seed: _, runDir: _folder, name: _name, preset: _preset, trackers: _t, ...rest } = config;
  walk(rest, "");
  return leaves;
};

/** Values that not all variants share. */
const differingValues = (
  configs: Readonly<Record<string, RunConfig>>,
): Readonly<Record<string, Readonly<Record<string, string>>>> => {
  const leaves = Object.entries(configs).map(([name, config]) => [name, leavesOf(config)] as const);
  const paths = [...new Set(leaves.flatMap(([, values]) => Object.keys(values)))].filter(
    (path) => new Set(leaves.map(([, values]) => values[path])).size > 1,
  );
  return Object.fromEntries(
    leaves.map(([name, values]) => [
      name,
      Object.fromEntries(paths.map((path) => [path, values[path] ?? "–"])),
    ]),
  );
};

/** How a run is measured; variants that differ here cannot be compared by their curves. */
const measuring = ({ resd, environment, compute, model }: RunConfig): string =>
  JSON.stringify([
    resd.evaluation,
    resd.sampling.evaluate,
    resd.splits,
    environment,
    compute,
    model,
  ]);

/** How often, in %, the interval of so few values covers the median: 1 − 2·P(Binomial(n, ½) < lower rank). */
const COVERED: Readonly<Record<number, number>> = { 5: 93.75, 7: 87.5 };

const listed = (names: ReadonlyArray<string | number>): string => names.join(", ");

/** Everything that speaks against taking the comparison at its face. */
export const fairnessNotes = (
  { seeds, tuning, variants }: Matrix,
  { configs, results, failures, sweeps, tuning: tuned }: Conducted,
): {
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly notes: ReadonlyArray<string>;
} => {
  const notes: Array<string> = [];
  if (seeds.length < FEWEST_PAIRS) {
    notes.push(
      `${seeds.length} seeds: no claim is decided below ${FEWEST_PAIRS}, because the interval would be too narrow too often.`,
    );
  } else if (seeds.length in COVERED) {
    notes.push(
      `${seeds.length} seeds: an interval of a median covers the truth in ${COVERED[seeds.length]} % of all experiments, not in 95.`,
    );
  }
  const groups = Map.groupBy(Object.entries(configs), ([, config]) => measuring(config));
  if (groups.size > 1) {
    const named = [...groups.values()].map((group) => listed(group.map(([name]) => name)));
    notes.push(
      `Not all variants are measured alike (evaluation, environment, threads or model differ): ${named.join(" | ")}.`,
    );
  }
  const budgets = variants.map(({ name }) => {
    const ends = results.filter(({ variant }) => variant === name).map(finalPoint);
    return [name, medianOf(ends.map(({ interactions }) => interactions))] as const;
  });
  if (new Set(budgets.map(([, end]) => end)).size > 1) {
    const told = budgets.map(
      ([name, end]) => `${name} ${Number.isNaN(end) ? "–" : countText(end)}`,
    );
    notes.push(
      `Variants end after different numbers of interactions (${listed(told)}): success at the end is at each one's own.`,
    );
  }
  const tried = sweeps.map((sweep) => `${sweep.variant} ${sweep.tried.length}`);
  if (new Set(sweeps.map((sweep) => sweep.tried.length)).size > 1) {
    notes.push(`Not the same number of settings was tried for each method: ${listed(tried)}.`);
  }
  if (sweeps.length > 0 && tuning !== undefined) {
    notes.push(
      `Settings were chosen on seeds ${listed(tuning.seeds)}, which no result is from, by the median of interactions to ${tuning.threshold * 100} %.`,
    );
  }
  const commits = new Set([...results, ...tuned].flatMap(({ commit }) => commit ?? []));
  if (commits.size > 1) {
    notes.push(
      `Cells were made by ${commits.size} versions of the code: ${listed([...commits].map((one) => one.slice(0, 10)))}.`,
    );
  }
  if (results.some(({ changed }) => changed === true)) {
    notes.push("Some cells were made by code with changes that were not committed.");
  }
  if (failures.length > 0) {
    const cells = failures.length === 1 ? "1 cell" : `${failures.length} cells`;
    notes.push(`${cells} did not finish; what is said is said without.`);
  }
  return { values: differingValues(configs), notes };
};
