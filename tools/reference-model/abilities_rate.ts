/** Shares with their uncertainty, and the table that shows them. */
import type { Ability } from "./abilities.ts";

/** A share of successes with its 95 % interval. */
export interface Rate {
  readonly hits: number;
  readonly total: number;
  /** NaN when `total` is 0. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/** The two-sided 95 % point of the normal distribution. */
const Z = 1.959963984540054;

/** A share with its Wilson score interval (Wilson 1927), which stays in [0, 1] and holds near its ends. */
export const rateOf = (hits: number, total: number): Rate => {
  if (total === 0) return { hits, total, share: Number.NaN, low: 0, high: 1 };
  const share = hits / total;
  const weight = 1 + (Z * Z) / total;
  const centre = (share + (Z * Z) / (2 * total)) / weight;
  const spread =
    (Z / weight) * Math.sqrt((share * (1 - share)) / total + (Z * Z) / (4 * total * total));
  return {
    hits,
    total,
    share,
    low: hits === 0 ? 0 : centre - spread, // exact ends: rounding would put them a hair inside
    high: hits === total ? 1 : centre + spread,
  };
};

const percent = (value: number): string => (Number.isNaN(value) ? "–" : (100 * value).toFixed(1));

/** The abilities as a Markdown table, aligned to be read as plain text too. */
export const abilityTable = (abilities: ReadonlyArray<Ability>): string => {
  const rows = [
    ["ability", "%", "95 % interval", "n"],
    ...abilities.map(({ what, rate }) => [
      what,
      percent(rate.share),
      `${percent(rate.low)} to ${percent(rate.high)}`,
      String(rate.total),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const [head, ...body] = rows.map(line);
  return [head, rule, ...body].join("\n");
};
