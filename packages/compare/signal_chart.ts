/** Why attempts teach, or do not: shares of the reasons over the updates, one panel a variant. */
import type { CellResult } from "./cell_result.ts";
import { linearScale } from "./scale.ts";
import { type Figure, colourClass, place, xml } from "./svg.ts";

const COLUMNS = 3;
const PANEL = { width: 220, height: 110 };
const GAP = { x: 24, y: 46 };
const LEFT = 24;
const LEGEND_LINE = 20;
const LEGEND_ITEM = 180;
const HEADING = 60;

/** Mean share of each reason at each update, over the seeds that got so far. */
export const signalShares = (
  cells: ReadonlyArray<CellResult>,
  reasons: ReadonlyArray<string>,
): ReadonlyArray<{ readonly update: number; readonly shares: ReadonlyArray<number> }> => {
  const points = cells.flatMap(({ updates }) => updates);
  return [...Map.groupBy(points, (point) => point.updates)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([update, here]) => {
      const counts = reasons.map((reason) =>
        here.reduce((sum, { signals }) => sum + (signals[reason] ?? 0), 0),
      );
      const all = counts.reduce((sum, count) => sum + count, 0);
      return all === 0 ? [] : [{ update, shares: counts.map((count) => count / all) }];
    });
};

/** Reasons in the order of the stack: what teaches first, what does not last. */
const reasonsOf = (cells: ReadonlyArray<CellResult>): ReadonlyArray<string> => {
  const found = new Set(
    cells.flatMap(({ updates }) => updates.flatMap(({ signals }) => Object.keys(signals))),
  );
  const idle = (reason: string) => (reason.startsWith("none:") ? 1 : 0);
  return [...found].toSorted((a, b) => idle(a) - idle(b) || (a < b ? -1 : 1));
};

const panel = (
  cells: ReadonlyArray<CellResult>,
  reasons: ReadonlyArray<string>,
  left: number,
  top: number,
): ReadonlyArray<string> => {
  const shares = signalShares(cells, reasons);
  const last = Math.max(1, ...shares.map(({ update }) => update));
  const x = linearScale([0, last], [left, left + PANEL.width]);
  const y = linearScale([0, 1], [top + PANEL.height, top]);
  const below = shares.map(() => 0);
  return [
    `<text class="ink" x="${left}" y="${top - 6}">${xml(cells[0]?.variant ?? "")}</text>`,
    ...reasons.flatMap((_, i) => {
      const floor = [...below];
      shares.forEach(({ shares: all }, k) => (below[k]! += all[i]!));
      if (below.every((height, k) => height === floor[k])) return [];
      const outline = [
        ...shares.map(({ update }, k) => `${place(x(update))},${place(y(below[k]!))}`),
        ...shares.map(({ update }, k) => `${place(x(update))},${place(y(floor[k]!))}`).toReversed(),
      ];
      return [`<polygon class="area ${colourClass(i)}" points="${outline.join(" ")}"/>`];
    }),
    `<line class="axis" x1="${left}" x2="${left + PANEL.width}" y1="${top + PANEL.height}" y2="${top + PANEL.height}"/>`,
    `<text class="pale" x="${left}" y="${top + PANEL.height + 16}">1</text>`,
    `<text class="pale" x="${left + PANEL.width}" y="${top + PANEL.height + 16}" text-anchor="end">update ${last}</text>`,
  ];
};

/** Draws the reasons of all variants; undefined where no run noted any. */
export const signalChart = (
  variants: ReadonlyArray<ReadonlyArray<CellResult>>,
): Figure | undefined => {
  const shown = variants.filter((cells) => reasonsOf(cells).length > 0);
  const reasons = reasonsOf(shown.flat());
  if (reasons.length === 0) return undefined;
  const perLine = Math.floor((COLUMNS * (PANEL.width + GAP.x)) / LEGEND_ITEM);
  const legendLines = Math.ceil(reasons.length / perLine);
  const top = HEADING + legendLines * LEGEND_LINE + 24;
  const rows = Math.ceil(shown.length / COLUMNS);
  return {
    name: "signals",
    title: "Why attempts teach, or do not",
    subtitle: "share of attempts by reason, update by update, mean over seeds",
    description: shown
      .map((cells) => {
        const final = signalShares(cells, reasons).at(-1)?.shares ?? [];
        const told = reasons.flatMap((reason, i) =>
          (final[i] ?? 0) > 0 ? [`${reason} ${Math.round(final[i]! * 100)} %`] : [],
        );
        return `${cells[0]?.variant} at the last update: ${told.join(", ")}.`;
      })
      .join(" "),
    width: LEFT + COLUMNS * (PANEL.width + GAP.x),
    height: top + rows * (PANEL.height + GAP.y),
    body: [
      ...reasons.map((reason, i) => {
        const x = LEFT + (i % perLine) * LEGEND_ITEM;
        const y = HEADING + Math.floor(i / perLine) * LEGEND_LINE;
        return `<rect class="area ${colourClass(i)}" x="${x}" y="${y}" width="11" height="11"/><text class="ink" x="${x + 17}" y="${y + 10}">${xml(reason)}</text>`;
      }),
      ...shown.flatMap((cells, i) =>
        panel(
          cells,
          reasons,
          LEFT + (i % COLUMNS) * (PANEL.width + GAP.x),
          top + Math.floor(i / COLUMNS) * (PANEL.height + GAP.y),
        ),
      ),
    ],
  };
};
