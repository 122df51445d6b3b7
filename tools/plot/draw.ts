/** The picture: held-out success against environment interactions, as one SVG that needs nothing but itself. */
import { linearScale, place, spacedOut, ticksUpTo, xml } from "@resd/compare";
import type { RunSummary } from "@resd/run";
import { type Role, type SpreadPoint, spreadOf } from "./spread.ts";

const WIDTH = 760;
const HEIGHT = 400;
const LEFT = 66;
const RIGHT = 168;
const TOP = 88;
const BOTTOM = 56;
const LABEL_GAP = 44;

/**
 * The page may be light or dark, and the picture does not know: it brings its own ground, and follows the reader's
 * colour scheme. Blue and orange stay apart for eyes that confuse red and green.
 */
const STYLE = `
  .ground { fill: #ffffff } .ink { fill: #1f2328 } .pale { fill: #59636e }
  .grid { stroke: #e4e8ec; stroke-width: 1 } .axis { stroke: #aeb6bf; stroke-width: 1 }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 } .value { font-size: 17px; font-weight: 600 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round } .range { opacity: 0.16 }
  .student.line, .student.dot { stroke: #0a66c2 } .student.range, .student.dot, text.student { fill: #0a66c2 }
  .teacher.line, .teacher.dot { stroke: #b8500a } .teacher.range, text.teacher { fill: #b8500a }
  .teacher.dot { fill: #ffffff } .dot { stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .ground, .teacher.dot { fill: #0d1117 } .ink { fill: #e6edf3 } .pale { fill: #9198a1 }
    .grid { stroke: #232a33 } .axis { stroke: #515b66 } .range { opacity: 0.24 }
    .student.line, .student.dot { stroke: #4c9df3 } .student.range, .student.dot, text.student { fill: #4c9df3 }
    .teacher.line, .teacher.dot { stroke: #f0924c } .teacher.range, text.teacher { fill: #f0924c }
  }`;

/** Each role's words beside the end of its curve. */
const NAMES: Record<Role, readonly [name: string, from: string]> = {
  student: ["student", "from the bare task"],
  teacher: ["teacher", "playbook in context"],
};

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** `1–5`, or `1, 3, 8` where seeds are missing in between. */
const seedNames = (runs: ReadonlyArray<RunSummary>): string => {
  const seeds = runs.map((run) => run.seed).toSorted((a, b) => a - b);
  const [first, last] = [seeds[0]!, seeds.at(-1)!];
  return seeds.length > 2 && last - first === seeds.length - 1
    ? `${first}–${last}`
    : seeds.join(", ");
};

const subtitle = (runs: ReadonlyArray<RunSummary>): string =>
  runs.length === 1
    ? `success on held-out tasks, seed ${seedNames(runs)}`
    : `success on held-out tasks: median and range of ${runs.length} seeds (${seedNames(runs)})`;

interface Frame {
  readonly x: (interactions: number) => number;
  readonly y: (share: number) => number;
}

const axes = ({ x, y }: Frame, end: number): ReadonlyArray<string> => [
  ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line class="${share === 0 ? "axis" : "grid"}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${place(y(share))}" y2="${place(y(share))}"/>`,
    `<text class="pale" x="${LEFT - 10}" y="${place(y(share) + 4.5)}" text-anchor="end">${percent(share)}</text>`,
  ]),
  ...ticksUpTo(end, 6).flatMap((tick) => [
    `<line class="axis" x1="${place(x(tick))}" x2="${place(x(tick))}" y1="${place(y(0))}" y2="${place(y(0) + 5)}"/>`,
    `<text class="pale" x="${place(x(tick))}" y="${place(y(0) + 21)}" text-anchor="middle">${tick.toLocaleString("en-US")}</text>`,
  ]),
  `<text class="pale" x="${place((LEFT + WIDTH - RIGHT) / 2)}" y="${HEIGHT - 12}" text-anchor="middle">environment interactions</text>`,
];

const curve = ({ x, y }: Frame, role: Role, points: ReadonlyArray<SpreadPoint>) => {
  const at = (of: "low" | "median" | "high") => (point: SpreadPoint) =>
    `${place(x(point.interactions))},${place(y(point[of]))}`;
  const wide = points.some((point) => point.low < point.high);
  const outline = [...points.map(at("high")), ...points.toReversed().map(at("low"))];
  return {
    range: wide ? [`<polygon class="${role} range" points="${outline.join(" ")}"/>`] : [],
    line: `<polyline class="${role} line" points="${points.map(at("median")).join(" ")}"/>`,
    dots: points.map(
      (point) =>
        `<circle class="${role} dot" cx="${place(x(point.interactions))}" cy="${place(y(point.median))}" r="3.5"/>`,
    ),
  };
};

/** What the picture shows, for those who hear it. */
const described = (series: ReadonlyArray<readonly [Role, ReadonlyArray<SpreadPoint>]>): string =>
  series
    .map(([role, points]) => {
      const [first, last] = [points[0]!, points.at(-1)!];
      return `Held-out success of the ${role} goes from ${percent(first.median)} at ${first.interactions} interactions to ${percent(last.median)} at ${last.interactions}.`;
    })
    .join(" ");

/**
 * Draws runs of one variant: the student from the bare task and, where it was measured, the teacher with the playbook
 * in context; the line is the median over seeds, the band their range.
 */
export const drawRuns = (runs: ReadonlyArray<RunSummary>, title: string): string => {
  const series = (["teacher", "student"] as const)
    .map((role) => [role, spreadOf(runs, role)] as const)
    .filter(([, points]) => points.length > 0);
  const end = Math.max(1, ...series.flatMap(([, points]) => points.map((p) => p.interactions)));
  const frame: Frame = {
    x: linearScale([0, end], [LEFT, WIDTH - RIGHT]),
    y: linearScale([0, 1], [HEIGHT - BOTTOM, TOP]),
  };
  const curves = series.map(([role, points]) => curve(frame, role, points));
  const labels = spacedOut(
    series.map(([, points]) => frame.y(points.at(-1)!.median)),
    LABEL_GAP,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title description">`,
    `<title id="title">${xml(title)}</title>`,
    `<desc id="description">${xml(described(series))}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    `<text class="ink title" x="20" y="34">${xml(title)}</text>`,
    `<text class="pale" x="20" y="56">${xml(subtitle(runs))}</text>`,
    ...axes(frame, end),
    ...curves.flatMap(({ range }) => range),
    ...curves.flatMap(({ line, dots }) => [line, ...dots]),
    ...series.flatMap(([role, points], i) => {
      const [name, from] = NAMES[role];
      const x = WIDTH - RIGHT + 18;
      const y = labels[i]!;
      return [
        `<text class="${role}" x="${x}" y="${place(y)}"><tspan class="value">${percent(points.at(-1)!.median)}</tspan> <tspan class="name">${name}</tspan></text>`,
        `<text class="pale" x="${x}" y="${place(y + 17)}">${from}</text>`,
      ];
    }),
    "</svg>",
    "",
  ].join("\n");
};
