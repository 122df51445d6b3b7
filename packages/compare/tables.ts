/** The tables of a comparison. */
import type { Comparison, PairSummary, Spread, VariantSummary } from "./analyse.ts";
import { finalPoint } from "./cell_result.ts";
import type { Crossing } from "./crossing.ts";
import type { Ratio } from "./pair.ts";
import type { SweepOutcome } from "./sweep.ts";
import type { Table } from "./table.ts";
import {
  boundedTimesText,
  countText,
  percentText,
  pointsText,
  ratioText,
  secondsText,
} from "./wording.ts";

const UNKNOWN = "–";

const spreadText = (spread: Spread | undefined): string =>
  spread === undefined
    ? UNKNOWN
    : `${percentText(spread.median)} (${percentText(spread.low)} to ${percentText(spread.high)})`;

const level = (threshold: number): string => `${threshold * 100} %`;

const crossingText = (crossing: Crossing, axis: "interactions" | "updates"): string =>
  `${crossing._tag === "Censored" ? "> " : ""}${countText(crossing[axis])}`;

const medianCrossing = (
  { crossings }: VariantSummary,
  threshold: number,
  axis: "interactions" | "updates",
): string => {
  const found = crossings.find((one) => one.threshold === threshold);
  if (found === undefined || found.values.length === 0) return UNKNOWN;
  const median = found[axis];
  if (median !== null) return countText(median);
  const reached = found.values.filter(({ _tag }) => _tag === "Reached").length;
  return reached === 0 ? "never" : `${reached} of ${found.values.length} seeds`;
};

/** The pair of two variants, whichever stands first in it. */
const ratioTo = (
  pairs: ReadonlyArray<PairSummary>,
  first: string,
  second: string,
  threshold: number,
): Ratio | undefined =>
  pairs
    .find((pair) => pair.first === first && pair.second === second)
    ?.ratios.find((ratio) => ratio.threshold === threshold && ratio.axis === "interactions");

const timesOf = (ratio: Ratio | undefined): string =>
  ratio === undefined || ratio.median === null ? UNKNOWN : boundedTimesText(ratio.median);

/** One row a variant: the table of the terminal. */
export const mainTable = ({ variants, thresholds, pairs, seeds }: Comparison): Table => {
  const first = variants[0]?.name ?? "";
  const last = thresholds.at(-1)!;
  return {
    title: "Variants",
    note: `Medians over ${seeds.length} seeds; percentages of held-out tasks with the 95 % interval of the median; interactions are training episodes. The ratio says how many times as many interactions as ${first} a variant needs, paired by seed.`,
    head: [
      "variant",
      "seeds",
      "at the end, %",
      "best, %",
      ...thresholds.map((threshold) => `to ${level(threshold)}: interactions`),
      `updates to ${level(last)}`,
      `× ${first}, to ${level(last)}`,
      "training",
    ],
    textColumns: [0],
    rows: variants.map((variant, i) => {
      const ratio = i === 0 ? undefined : ratioTo(pairs, first, variant.name, last);
      return [
        variant.name,
        String(variant.seeds.length),
        spreadText(variant.final),
        spreadText(variant.best),
        ...thresholds.map((threshold) => medianCrossing(variant, threshold, "interactions")),
        medianCrossing(variant, last, "updates"),
        timesOf(ratio),
        variant.cost === undefined ? UNKNOWN : secondsText(variant.cost.trainingSeconds),
      ];
    }),
  };
};

/** One row a claim. */
export const claimsTable = ({ claims }: Comparison): Table => ({
  title: "Claims",
  note: "Holds: the whole 95 % interval is on the claim's side. Reversed: the whole interval is on the other. Undecided: it is on both; that is a finding about the number of seeds and the size of the effect, not a proof that there is none.",
  head: ["claim", "verdict", "evidence", "source"],
  textColumns: [0, 1, 2, 3],
  rows: claims.map(({ text, verdict, evidence, source }) => [
    text,
    verdict,
    evidence,
    source ?? "",
  ]),
});

/** Every crossing, seed by seed. */
export const crossingsTable = ({ variants, thresholds, seeds }: Comparison): Table => ({
  title: "Crossings",
  note: "Interactions (updates) until held-out success is there for the first time, interpolated linearly between evaluations. “> n”: not there at the end of the run, after n.",
  head: ["variant", "to", ...seeds.map((seed) => `seed ${seed}`)],
  textColumns: [0, 1],
  rows: variants.flatMap((variant) =>
    thresholds.map((threshold) => {
      const found = variant.crossings.find((one) => one.threshold === threshold);
      return [
        variant.name,
        level(threshold),
        ...seeds.map((seed) => {
          const one = found?.values[variant.seeds.indexOf(seed)];
          return one === undefined
            ? UNKNOWN
            : `${crossingText(one, "interactions")} (${crossingText(one, "updates")})`;
        }),
      ];
    }),
  ),
});

/** One row a pair of variants. */
export const pairsTable = ({ pairs, thresholds }: Comparison): Table => ({
  title: "Pairs",
  note: "Paired by seed. The difference is first minus second at each one's end; a ratio says how many times as much the second needs as the first. “≥”: seeds of the second never got there.",
  head: [
    "first",
    "second",
    "difference at the end",
    ...thresholds.flatMap((threshold) => [
      `interactions to ${level(threshold)}`,
      `updates to ${level(threshold)}`,
    ]),
  ],
  textColumns: [0, 1],
  rows: pairs.map(({ first, second, final, ratios }) => [
    first,
    second,
    pointsText(final),
    ...thresholds.flatMap((threshold) =>
      (["interactions", "updates"] as const).map((axis) => {
        const ratio = ratios.find((one) => one.threshold === threshold && one.axis === axis);
        return ratio === undefined || ratio.median === null ? UNKNOWN : ratioText(ratio);
      }),
    ),
  ]),
});

/** Success at the end, seed by seed. */
export const seedsTable = ({ variants, cells, seeds }: Comparison): Table => ({
  title: "Seeds",
  note: "Held-out success at the end of each run, in %.",
  head: ["variant", ...seeds.map((seed) => `seed ${seed}`)],
  textColumns: [0],
  rows: variants.map(({ name }) => [
    name,
    ...seeds.map((seed) => {
      const cell = cells.find((one) => one.variant === name && one.seed === seed);
      return cell === undefined ? UNKNOWN : percentText(finalPoint(cell).success);
    }),
  ]),
});

/** What each variant cost. */
export const costTable = ({ variants }: Comparison): Table => ({
  title: "Cost",
  note: "Medians over seeds. Training leaves out evaluation, loading and saving; calls and tokens include evaluation, whose part stands beside them. Seconds depend on what else the machine did.",
  head: [
    "variant",
    "wall",
    "training",
    "updates",
    "interactions",
    "model calls",
    "of which evaluation",
    "generated tokens",
    "of which evaluation",
  ],
  textColumns: [0],
  rows: variants.map(({ name, cost }) =>
    cost === undefined
      ? [name, ...Array.from({ length: 8 }, () => UNKNOWN)]
      : [
          name,
          secondsText(cost.wallSeconds),
          secondsText(cost.trainingSeconds),
          countText(cost.updates),
          countText(cost.interactions),
          countText(cost.modelCalls),
          countText(cost.evaluationCalls),
          countText(cost.generatedTokens),
          countText(cost.evaluationTokens),
        ],
  ),
});

/** One row a setting that was tried. */
export const sweepTable = ({ variant, seeds, threshold, tried, chosen }: SweepOutcome): Table => ({
  title: `Settings tried for ${variant}`,
  note: `${tried.length} settings on seeds ${seeds.join(", ")}. Chosen by the median of interactions to ${level(threshold)}; where half of the seeds never get there, by the median of success at the end.`,
  head: [
    "setting",
    "chosen",
    `median to ${level(threshold)}`,
    ...seeds.map((seed) => `seed ${seed}`),
    "median at the end, %",
  ],
  textColumns: [0, 1],
  rows: tried.map((one) => [
    one.text,
    one.setting === chosen ? "chosen" : one.failed === undefined ? "" : "failed",
    one.medianInteractions === null ? "never" : countText(one.medianInteractions),
    ...seeds.map((_, i) => {
      const crossing = one.interactions[i];
      return crossing === undefined ? UNKNOWN : crossing === null ? "never" : countText(crossing);
    }),
    percentText(one.medianFinal),
  ]),
});

/** Values of the configuration in which variants differ. */
export const valuesTable = ({ variants }: Comparison): Table => {
  const paths = Object.keys(variants[0]?.values ?? {});
  return {
    title: "What differs between the variants",
    head: ["value", ...variants.map(({ name }) => name)],
    textColumns: [0, ...variants.map((_, i) => i + 1)],
    rows: paths.map((path) => [path, ...variants.map(({ values }) => values[path] ?? UNKNOWN)]),
  };
};

/** What runs noticed about themselves: one row a variant and cause. */
export const diagnosesTable = ({ cells }: Comparison): Table => {
  const found = cells.flatMap(({ variant, seed, diagnoses }) =>
    diagnoses.map((diagnosis) => ({ variant, seed, ...diagnosis })),
  );
  const groups = Map.groupBy(found, ({ variant, kind, cause }) => `${variant}\n${kind}\n${cause}`);
  return {
    title: "What the runs noticed about themselves",
    note: "Detectors of learning that stands still or collapses name the likeliest cause; the message is that of the first seed.",
    head: ["variant", "kind", "cause", "seeds", "first at update", "message"],
    textColumns: [0, 1, 2, 3, 5],
    rows: [...groups.values()].map((group) => {
      const [{ variant, kind, cause, message }] = group as [(typeof group)[number]];
      return [
        variant,
        kind,
        cause,
        [...new Set(group.map(({ seed }) => seed))].join(", "),
        String(Math.min(...group.map(({ update }) => update))),
        message,
      ];
    }),
  };
};

/** Cells that did not finish. */
export const failuresTable = ({ failures }: Comparison): Table => ({
  title: "Cells that did not finish",
  head: ["variant", "seed", "why", "folder"],
  textColumns: [0, 2, 3],
  rows: failures.map(({ variant, seed, message, folder }) => [
    variant,
    String(seed),
    message,
    folder,
  ]),
});

/** All tables in the order of a report; those without rows are left out. */
export const tablesOf = (comparison: Comparison): ReadonlyArray<Table> =>
  [
    mainTable(comparison),
    claimsTable(comparison),
    failuresTable(comparison),
    diagnosesTable(comparison),
    pairsTable(comparison),
    crossingsTable(comparison),
    seedsTable(comparison),
    costTable(comparison),
    ...comparison.sweeps.map(sweepTable),
    valuesTable(comparison),
  ].filter(({ rows }) => rows.length > 0);
