/** Learning curves as text. */

/** A named series of points; x rises. */
export interface Series {
  readonly name: string;
  readonly mark: string;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
}

export interface PlotSize {
  readonly width: number;
  readonly height: number;
}

/** y at an x between the points around it; undefined outside. */
const between = (points: Series["points"], x: number): number | undefined => {
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1]!;
    const [x1, y1] = points[i]!;
    if (x >= x0 && x <= x1) return x1 === x0 ? y1 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  }
  return undefined;
};

/**
 * Shares in [0, 1] against updates. Measured points carry the mark of their series, lines between them are dots; where two
 * series meet, the first is seen. An x-axis with its first and last value closes the plot.
 */
export const plotShares = (
  series: ReadonlyArray<Series>,
  { width, height }: PlotSize,
): ReadonlyArray<string> => {
  const last = Math.max(1, ...series.flatMap(({ points }) => points.map(([x]) => x)));
  const cells = Array.from({ length: height }, () => Array.from({ length: width }, () => " "));
  const put = (x: number, y: number, mark: string): void => {
    const row = Math.round((1 - Math.min(1, Math.max(0, y))) * (height - 1));
    const column = Math.round((x / last) * (width - 1));
    cells[row]![column] = mark;
  };
  for (const { points } of series.toReversed()) {
    for (let column = 0; column < width; column++) {
      const x = (column / Math.max(1, width - 1)) * last;
      const y = between(points, x);
      if (y !== undefined) put(x, y, "·");
    }
  }
  for (const { points, mark } of series.toReversed()) for (const [x, y] of points) put(x, y, mark);
  const label = (row: number): string => {
    const middle = (height - 1) / 2;
    return row === 0
      ? "100 % ┤"
      : row === middle
        ? " 50 % ┤"
        : row === height - 1
          ? "  0 % ┤"
          : "      │";
  };
  const axis = `       ${"0".padEnd(Math.max(1, width - String(last).length))}${last}`;
  return [
    ...cells.map((row, i) => `${label(i)}${row.join("").trimEnd()}`),
    `      └${"─".repeat(width)}`,
    axis,
  ];
};
