/** Measurements as a table for people. */
import type { Measurement } from "./measurement.ts";

const number = (value: number | null): string => {
  if (value === null) return "-";
  if (value >= 1000) return value.toFixed(0);
  return value.toPrecision(4);
};

const times = (value: number | null): string => (value === null ? "-" : `${value.toFixed(2)}x`);

const mebibytes = (bytes: number | null | undefined): string =>
  typeof bytes === "number" ? (bytes / 2 ** 20).toFixed(0) : "-";

const MEMORY: ReadonlyArray<readonly [title: string, of: (row: Measurement) => string]> = [
  ["ours (MiB)", (row) => mebibytes(row.peakBytes)],
  ["peer (MiB)", (row) => mebibytes(row.peerPeakBytes)],
];

const COLUMNS: ReadonlyArray<readonly [title: string, of: (row: Measurement) => string]> = [
  ["benchmark", (row) => row.name],
  ["threads", (row) => String(row.threads)],
  ["unit", (row) => row.unit],
  ["ours", (row) => number(row.ours)],
  ["peer", (row) => number(row.peer)],
  ["ratio", (row) => times(row.ratio)],
  ["ours (median)", (row) => number(row.oursMedian)],
  ["peer (median)", (row) => number(row.peerMedian)],
  ["ratio (medians)", (row) => times(row.medianRatio)],
  ["repeats", (row) => String(row.repeats)],
  ["peer is", (row) => row.peerName],
];

/** Text and first column to the left, numbers to the right. */
const LEFT: ReadonlySet<string> = new Set(["benchmark", "unit", "peer is"]);

/** Lines of equal columns, a header first. */
export const table = (rows: ReadonlyArray<Measurement>): string => {
  const columns = rows.some(({ peakBytes }) => peakBytes !== undefined)
    ? [...COLUMNS.slice(0, -1), ...MEMORY, ...COLUMNS.slice(-1)]
    : COLUMNS;
  const cells = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, of]) => of(row))),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return cells
    .map((line) =>
      line
        .map((cell, column) =>
          LEFT.has(columns[column]![0])
            ? cell.padEnd(widths[column]!)
            : cell.padStart(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};
