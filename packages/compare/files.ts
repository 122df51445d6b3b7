/** What a comparison leaves behind, as names and texts of files. */
import type { Comparison } from "./analyse.ts";
import { figuresOf } from "./figures.ts";
import { reportPage } from "./page.ts";
import { figureElement } from "./svg.ts";
import { csv, tableMarkdown } from "./table.ts";
import { tablesOf } from "./tables.ts";

const curvesCsv = ({ cells }: Comparison): string =>
  csv(
    [
      "variant",
      "seed",
      "updates",
      "interactions",
      "success",
      "success_stderr",
      "per_test",
      "best_of_k",
      "tokens",
      "teacher",
    ],
    cells.flatMap(({ variant, seed, curve }) =>
      curve.map((point) => [
        variant,
        seed,
        point.updates,
        point.interactions,
        point.success,
        point.successStderr,
        point.perTest,
        point.best,
        point.tokens,
        point.teacher,
      ]),
    ),
  );

const updatesCsv = ({ cells }: Comparison): string => {
  const reasons = [
    ...new Set(
      cells.flatMap(({ updates }) => updates.flatMap(({ signals }) => Object.keys(signals))),
    ),
  ].toSorted();
  return csv(
    [
      "variant",
      "seed",
      "update",
      "interactions",
      "success",
      "response_tokens",
      "divergence",
      "playbook",
      ...reasons.map((reason) => `signal/${reason}`),
    ],
    cells.flatMap(({ variant, seed, updates }) =>
      updates.map((point) => [
        variant,
        seed,
        point.updates,
        point.interactions,
        point.success,
        point.responseTokens,
        point.divergence,
        point.playbook,
        ...reasons.map((reason) => point.signals[reason] ?? 0),
      ]),
    ),
  );
};

const crossingsCsv = ({ variants }: Comparison): string =>
  csv(
    ["variant", "seed", "threshold", "reached", "interactions", "updates"],
    variants.flatMap(({ name, seeds, crossings }) =>
      crossings.flatMap(({ threshold, values }) =>
        values.map((one, i) => [
          name,
          seeds[i],
          threshold,
          one._tag === "Reached" ? 1 : 0,
          one.interactions,
          one.updates,
        ]),
      ),
    ),
  );

const pairsCsv = ({ pairs }: Comparison): string =>
  csv(
    [
      "first",
      "second",
      "measure",
      "threshold",
      "seeds",
      "median_low",
      "median_high",
      "low",
      "high",
    ],
    pairs.flatMap(({ first, second, final, ratios }) => [
      [
        first,
        second,
        "final difference",
        null,
        final.seeds.length,
        final.median,
        final.median,
        final.low,
        final.high,
      ],
      ...ratios.map((ratio) => [
        first,
        second,
        `ratio of ${ratio.axis}`,
        ratio.threshold,
        ratio.seeds.length,
        ratio.median?.low,
        ratio.median?.high,
        ratio.low,
        ratio.high,
      ]),
    ]),
  );

/** All files of a report, by path from its folder. */
export const reportFiles = (comparison: Comparison): Readonly<Record<string, string>> => {
  const figures = figuresOf(comparison);
  return {
    "compare.json": `${JSON.stringify(comparison)}\n`,
    "report.html": reportPage(comparison, figures),
    "tables.md": `# ${comparison.title}\n\n${[
      ...tablesOf(comparison).map(tableMarkdown),
      ...(comparison.notes.length === 0
        ? []
        : [`## Notes\n\n${comparison.notes.map((note) => `- ${note}`).join("\n")}`]),
    ].join("\n\n")}\n`,
    "curves.csv": curvesCsv(comparison),
    "updates.csv": updatesCsv(comparison),
    "crossings.csv": crossingsCsv(comparison),
    "pairs.csv": pairsCsv(comparison),
    ...Object.fromEntries(
      figures.map((figure) => [`figures/${figure.name}.svg`, figureElement(figure, true)]),
    ),
  };
};
