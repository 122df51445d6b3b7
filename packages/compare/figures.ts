/** All figures of a comparison. */
import type { Comparison } from "./analyse.ts";
import type { Curve } from "./band.ts";
import type { CellResult, UpdatePoint } from "./cell_result.ts";
import { crossingChart } from "./crossing_chart.ts";
import { type ChartLine, lineChart } from "./line_chart.ts";
import { signalChart } from "./signal_chart.ts";
import type { Figure } from "./svg.ts";

const seedsText = ({ seeds }: Comparison): string =>
  seeds.length === 1
    ? `seed ${seeds[0]}`
    : `median of ${seeds.length} seeds with its 95 % interval`;

/** Updates on either side that a running mean takes in. */
const REACH = 2;

/** What single batches throw about, evened out. */
const runningMean = (curve: Curve): Curve =>
  curve.map(([x], i) => {
    const near = curve.slice(Math.max(0, i - REACH), i + REACH + 1);
    return [x, near.reduce((sum, [, value]) => sum + value, 0) / near.length];
  });

/** Curves of what is noted at each update; empty where a run does not have it, or has nothing but zeros of it. */
const overUpdates = (
  cells: ReadonlyArray<CellResult>,
  read: (point: UpdatePoint) => number | undefined,
): ReadonlyArray<Curve> =>
  cells.flatMap(({ updates }): ReadonlyArray<Curve> => {
    const curve = updates.flatMap((point): Curve => {
      const value = read(point);
      return value === undefined ? [] : [[point.updates, value]];
    });
    return curve.some(([, value]) => value !== 0) ? [curve] : [];
  });

/** Draws what a comparison has measured. */
export const figuresOf = (comparison: Comparison): ReadonlyArray<Figure> => {
  const { variants, cells, thresholds } = comparison;
  const cellsOf = (name: string) => cells.filter(({ variant }) => variant === name);
  const lines = (read: (cells: ReadonlyArray<CellResult>) => ReadonlyArray<Curve>) =>
    variants.map(({ name }, colour): ChartLine => ({
      name,
      colour,
      curves: read(cellsOf(name)),
    }));
  const success = (axis: "updates" | "interactions") =>
    lines((all) => all.map(({ curve }) => curve.map((point) => [point[axis], point.success])));
  const subtitle = `${seedsText(comparison)}${comparison.seeds.length > 1 ? "; thin lines are seeds" : ""}`;
  const evened = `${seedsText(comparison)}; running means of ${2 * REACH + 1} updates`;
  const figures: ReadonlyArray<Figure | undefined> = [
    lineChart(success("interactions"), {
      name: "success-by-interactions",
      title: "Held-out success against environment interactions",
      subtitle,
      xLabel: "environment interactions, logarithmic",
      xScale: "log",
      unit: "share",
      seeds: true,
      levels: thresholds,
    }),
    lineChart(success("updates"), {
      name: "success-by-updates",
      title: "Held-out success against updates",
      subtitle,
      xLabel: "updates",
      xScale: "linear",
      unit: "share",
      seeds: true,
      levels: thresholds,
    }),
    ...thresholds.map((threshold) => crossingChart(variants, threshold)),
    lineChart(
      lines((all) => overUpdates(all, ({ responseTokens }) => responseTokens).map(runningMean)),
      {
        name: "response-length",
        title: "Length of attempts, in tokens",
        subtitle: evened,
        xLabel: "updates",
        xScale: "linear",
        unit: "number",
        seeds: false,
      },
    ),
    lineChart(
      lines((all) => overUpdates(all, ({ divergence }) => divergence).map(runningMean)),
      {
        name: "divergence",
        title: "Divergence of student and teacher, nats a token",
        subtitle: `${evened}; methods without a teacher have none`,
        xLabel: "updates",
        xScale: "linear",
        unit: "number",
        seeds: false,
      },
    ),
    lineChart(
      lines((all) => overUpdates(all, ({ playbook }) => playbook)),
      {
        name: "playbook-size",
        title: "Entries of the playbook",
        subtitle: `${subtitle}; methods without a playbook have none`,
        xLabel: "updates",
        xScale: "linear",
        unit: "number",
        seeds: true,
      },
    ),
    signalChart(variants.map(({ name }) => cellsOf(name))),
  ];
  return figures.filter((figure) => figure !== undefined);
};
