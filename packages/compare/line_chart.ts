/** Curves of several variants: medians with bands, one thin line a seed, names at the ends of the lines. */
import { type BandPoint, type Curve, bandOf } from "./band.ts";
import { keptWithin, linearScale, logScale, logTicks, spacedOut, ticksUpTo } from "./scale.ts";
import { type Figure, colourClass, dashOf, place, xml } from "./svg.ts";

const WIDTH = 760;
const LEFT = 58;
const RIGHT = 168;
const TOP = 68;
const BOTTOM = 50;
const PLOT = 300;
const LABEL_GAP = 15;

/** One variant of a chart. */
export interface ChartLine {
  readonly name: string;
  /** Place of its colour; the same in all figures. */
  readonly colour: number;
  /** One curve a seed. */
  readonly curves: ReadonlyArray<Curve>;
}

/** What a chart is about. */
export interface ChartOptions {
  readonly name: string;
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  /** On a logarithmic axis points at 0 are left out. */
  readonly xScale: "linear" | "log";
  /** Shares run from 0 to 100 %, other numbers from 0 to the largest. */
  readonly unit: "share" | "number";
  /** Whether each seed is drawn beside the median. */
  readonly seeds: boolean;
  /** Levels that are marked, in the unit of y. */
  readonly levels?: ReadonlyArray<number>;
}

interface Frame {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly text: (value: number) => string;
  readonly xTicks: ReadonlyArray<number>;
  readonly yTicks: ReadonlyArray<number>;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const short = (value: number): string =>
  value >= 1000 ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));

const frameOf = (lines: ReadonlyArray<Line>, { xScale, unit }: ChartOptions): Frame => {
  const points = lines.flatMap(({ curves }) => curves.flat());
  const end = Math.max(1, ...points.map(([x]) => x));
  const top = unit === "share" ? 1 : Math.max(1e-9, ...points.map(([, y]) => y));
  const across: readonly [number, number] = [LEFT, WIDTH - RIGHT];
  const start = Math.min(end / 2, ...points.map(([x]) => x));
  const yTicks = unit === "share" ? [0, 0.25, 0.5, 0.75, 1] : ticksUpTo(top, 5);
  return {
    x: xScale === "log" ? logScale([start, end], across) : linearScale([0, end], across),
    y: linearScale([0, Math.max(top, yTicks.at(-1)!)], [TOP + PLOT, TOP]),
    text: unit === "share" ? percent : short,
    xTicks: xScale === "log" ? logTicks(start, end, 9) : ticksUpTo(end, 6),
    yTicks,
  };
};

interface Line extends ChartLine {
  readonly band: ReadonlyArray<BandPoint>;
}

const axes = (frame: Frame, { xLabel, levels = [] }: ChartOptions): ReadonlyArray<string> => {
  const { x, y } = frame;
  const across = (value: number, kind: string, more = "") =>
    `<line class="${kind}"${more} x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${place(y(value))}" y2="${place(y(value))}"/>`;
  return [
    ...frame.yTicks.flatMap((tick) => [
      across(tick, tick === 0 ? "axis" : "grid"),
      `<text class="pale" x="${LEFT - 8}" y="${place(y(tick) + 4)}" text-anchor="end">${frame.text(tick)}</text>`,
    ]),
    ...levels
      .filter((level) => !frame.yTicks.includes(level))
      .map((level) => across(level, "grid", ' stroke-dasharray="3 3"')),
    ...frame.xTicks.flatMap((tick) => [
      `<line class="axis" x1="${place(x(tick))}" x2="${place(x(tick))}" y1="${place(y(0))}" y2="${place(y(0) + 5)}"/>`,
      `<text class="pale" x="${place(x(tick))}" y="${place(y(0) + 19)}" text-anchor="middle">${short(tick)}</text>`,
    ]),
    `<text class="pale" x="${place((LEFT + WIDTH - RIGHT) / 2)}" y="${TOP + PLOT + BOTTOM - 12}" text-anchor="middle">${xml(xLabel)}</text>`,
  ];
};

const drawn = ({ x, y }: Frame, curve: Curve): string =>
  curve.map(([at, value]) => `${place(x(at))},${place(y(value))}`).join(" ");

const drawLine = (
  frame: Frame,
  { curves, band, colour }: Line,
  seeds: boolean,
): ReadonlyArray<string> => {
  const dash = dashOf(colour);
  const outline = [
    ...band.map(({ x, high }) => [x, high] as const),
    ...band.toReversed().map(({ x, low }) => [x, low] as const),
  ];
  return [
    `<g class="${colourClass(colour)}">`,
    ...(curves.length > 1 && band.length > 1
      ? [`<polygon class="band" points="${drawn(frame, outline)}"/>`]
      : []),
    ...(seeds && curves.length > 1
      ? curves.map((curve) => `<polyline class="seed" points="${drawn(frame, curve)}"/>`)
      : []),
    `<polyline class="line"${dash} points="${drawn(
      frame,
      band.map(({ x, median }) => [x, median] as const),
    )}"/>`,
    "</g>",
  ];
};

/** Names with the last median, as near to the ends of their lines as their neighbours allow. */
const drawNames = (frame: Frame, lines: ReadonlyArray<Line>): ReadonlyArray<string> => {
  const ends = lines.map(({ band }) => frame.y(band.at(-1)!.median));
  const places = keptWithin(spacedOut(ends, LABEL_GAP), TOP + PLOT + 6, LABEL_GAP);
  return lines.map(({ name, band, colour }, i) => {
    const { x, median } = band.at(-1)!;
    const from = place(frame.x(x) + 3);
    const to = WIDTH - RIGHT + 10;
    return [
      `<g class="${colourClass(colour)}">`,
      `<polyline class="seed" points="${from},${place(ends[i]!)} ${place(to)},${place(places[i]!)} ${to + 4},${place(places[i]!)}"/>`,
      `<text x="${to + 8}" y="${place(places[i]! + 4)}"><tspan class="name">${xml(name)}</tspan><tspan class="pale" dx="6">${frame.text(median)}</tspan></text>`,
      "</g>",
    ].join("");
  });
};

const described = (lines: ReadonlyArray<Line>, text: Frame["text"]): string =>
  lines
    .map(({ name, band, curves }) => {
      const [first, last] = [band[0]!, band.at(-1)!];
      return `${name}, median of ${curves.length}: from ${text(first.median)} at ${short(first.x)} to ${text(last.median)} at ${short(last.x)}.`;
    })
    .join(" ");

/** Draws curves; undefined where there is nothing to draw. */
export const lineChart = (
  given: ReadonlyArray<ChartLine>,
  options: ChartOptions,
): Figure | undefined => {
  const lines = given.flatMap((line): ReadonlyArray<Line> => {
    const curves = line.curves
      .map((curve) => (options.xScale === "log" ? curve.filter(([x]) => x > 0) : curve))
      .filter((curve) => curve.length > 0);
    const band = bandOf(curves);
    return band.length === 0 ? [] : [{ ...line, curves, band }];
  });
  if (lines.length === 0) return undefined;
  const frame = frameOf(lines, options);
  return {
    name: options.name,
    title: options.title,
    subtitle: options.subtitle,
    description: described(lines, frame.text),
    width: WIDTH,
    height: TOP + PLOT + BOTTOM,
    body: [
      ...axes(frame, options),
      ...lines.flatMap((line) => drawLine(frame, line, options.seeds)),
      ...drawNames(frame, lines),
    ],
  };
};
