/** Interactions to a success, seed by seed: a dot where it was reached, an arrow from the budget where it was not. */
import type { VariantSummary } from "./analyse.ts";
import type { Crossing } from "./crossing.ts";
import { logScale, logTicks } from "./scale.ts";
import { type Figure, colourClass, place, xml } from "./svg.ts";
import { countText } from "./wording.ts";

const WIDTH = 760;
const LEFT = 150;
const RIGHT = 80;
const TOP = 70;
const ROW = 30;
const BOTTOM = 50;
const ARROW = 16;

/** Budgets at which seeds were given up, with the number of seeds. */
const givenUp = (values: ReadonlyArray<Crossing>): ReadonlyArray<readonly [number, number]> => {
  const censored = values.filter(({ _tag }) => _tag === "Censored");
  return [...Map.groupBy(censored, ({ interactions }) => interactions)].map(
    ([budget, seeds]) => [budget, seeds.length] as const,
  );
};

/** Draws the crossings of one threshold; undefined where no variant was measured. */
export const crossingChart = (
  variants: ReadonlyArray<VariantSummary>,
  threshold: number,
): Figure | undefined => {
  const rows = variants.flatMap((variant, colour) => {
    const crossings = variant.crossings.find((one) => one.threshold === threshold);
    return crossings === undefined || crossings.values.length === 0
      ? []
      : [{ name: variant.name, colour, crossings }];
  });
  const counts = rows.flatMap(({ crossings }) =>
    crossings.values.map(({ interactions }) => interactions),
  );
  const positive = counts.filter((count) => count > 0);
  if (positive.length === 0) return undefined;
  const start = Math.min(...positive) / 1.3;
  const end = Math.max(...positive) * 1.3;
  const scale = logScale([start, end], [LEFT, WIDTH - RIGHT]);
  const x = (count: number) => scale(Math.max(start, count));
  const foot = TOP + rows.length * ROW;
  const level = `${threshold * 100} %`;
  return {
    name: `interactions-to-${Math.round(threshold * 100)}`,
    title: `Environment interactions to ${level} held-out success`,
    subtitle: "a dot is a seed, a bar the median; an arrow starts where seeds ended without it",
    description: rows
      .map(({ name, crossings }) => {
        const reached = crossings.values.filter(({ _tag }) => _tag === "Reached").length;
        const median =
          crossings.interactions === null
            ? "the median is above the budget"
            : `median ${countText(crossings.interactions)} interactions`;
        return `${name}: ${reached} of ${crossings.values.length} seeds get there, ${median}.`;
      })
      .join(" "),
    width: WIDTH,
    height: foot + BOTTOM,
    body: [
      ...logTicks(start, end, 9).flatMap((tick) => [
        `<line class="grid" x1="${place(x(tick))}" x2="${place(x(tick))}" y1="${TOP}" y2="${foot}"/>`,
        `<text class="pale" x="${place(x(tick))}" y="${foot + 18}" text-anchor="middle">${countText(tick)}</text>`,
      ]),
      `<text class="pale" x="${place((LEFT + WIDTH - RIGHT) / 2)}" y="${foot + 38}" text-anchor="middle">environment interactions, logarithmic</text>`,
      ...rows.flatMap(({ name, colour, crossings }, i) => {
        const y = TOP + i * ROW + ROW / 2;
        const median = crossings.interactions;
        return [
          `<g class="${colourClass(colour)}">`,
          `<text x="${LEFT - 12}" y="${y + 4}" text-anchor="end"><tspan class="name">${xml(name)}</tspan></text>`,
          ...(median === null
            ? []
            : [
                `<line class="line" x1="${place(x(median))}" x2="${place(x(median))}" y1="${y - 9}" y2="${y + 9}"/>`,
              ]),
          ...crossings.values.flatMap((one) =>
            one._tag === "Reached"
              ? [
                  `<circle class="dot" opacity="0.75" cx="${place(x(one.interactions))}" cy="${y}" r="4"/>`,
                ]
              : [],
          ),
          ...givenUp(crossings.values).map(([budget, seeds]) => {
            const at = x(budget);
            return `<path class="open" d="M${place(at)} ${y}h${ARROW}m-5 -4l5 4l-5 4"/><text class="pale" x="${place(at + ARROW + 6)}" y="${y + 4}">${seeds === 1 ? "1 seed" : `${seeds} seeds`}</text>`;
          }),
          "</g>",
        ];
      }),
    ],
  };
};
