/** The report of a comparison: one page that needs nothing but itself. */
import type { Comparison } from "./analyse.ts";
import { FIGURE_STYLE, type Figure, figureElement, xml } from "./svg.ts";
import { tableHtml } from "./table.ts";
import {
  costTable,
  crossingsTable,
  diagnosesTable,
  failuresTable,
  mainTable,
  pairsTable,
  seedsTable,
  sweepTable,
  valuesTable,
} from "./tables.ts";
import type { Verdict } from "./verdict.ts";

const STYLE = `
  :root { color-scheme: light dark; --ground: #ffffff; --ink: #1f2328; --pale: #59636e; --rule: #d8dee4; --raised: #f6f8fa;
    --holds: #0b7a53; --reversed: #b0245a; --undecided: #7a5c00 }
  @media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --ink: #e6edf3; --pale: #9198a1; --rule: #30363d;
    --raised: #161b22; --holds: #3fc28f; --reversed: #f472a6; --undecided: #d9b24c } }
  body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--ground); color: var(--ink);
    font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
  h1 { font-size: 1.7rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem }
  .lead, .note { color: var(--pale); margin: 0 0 1rem; max-width: 50rem }
  .wide { overflow-x: auto } table { border-collapse: collapse; font-size: .875rem }
  th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; white-space: nowrap }
  td.free { white-space: normal; min-width: 16rem } th { color: var(--pale); font-weight: 600 }
  .number { text-align: right; font-variant-numeric: tabular-nums }
  .verdict { font-weight: 600 } .holds { color: var(--holds) } .reversed { color: var(--reversed) } .undecided { color: var(--undecided) }
  figure { margin: 1.25rem 0; overflow-x: auto } figure svg { max-width: 100%; height: auto; border: 1px solid var(--rule); border-radius: 8px }
  details { margin: 1rem 0 } summary { cursor: pointer; font-weight: 600 } details h2 { font-size: 1rem }
  ul { padding-left: 1.2rem } li { margin: .25rem 0 } code { background: var(--raised); padding: .1rem .3rem; border-radius: 4px }`;

const MARKS: Record<Verdict["verdict"], string> = {
  holds: "✓ holds",
  reversed: "✗ reversed",
  undecided: "? undecided",
};

const claims = ({ claims: all }: Comparison): ReadonlyArray<string> =>
  all.length === 0
    ? []
    : [
        "<h2>Claims</h2>",
        '<p class="note">Holds: the whole 95 % interval, paired by seed, is on the claim’s side. Reversed: the whole interval is on the other. Undecided: it is on both; a finding about seeds and the size of the effect, not a proof that there is none. Claims are tested one by one, without correction for their number.</p>',
        '<div class="wide"><table>',
        "<thead><tr><th>claim</th><th>verdict</th><th>evidence</th></tr></thead><tbody>",
        ...all.map(
          ({ text, source, verdict, evidence }) =>
            `<tr><td class="free">${xml(text)}${source === undefined ? "" : ` <span class="note">(${xml(source)})</span>`}</td><td class="verdict ${verdict}">${MARKS[verdict]}</td><td class="free">${xml(evidence)}</td></tr>`,
        ),
        "</tbody></table></div>",
      ];

const folded = (title: string, inside: ReadonlyArray<string>): ReadonlyArray<string> =>
  inside.length === 0
    ? []
    : ["<details>", `<summary>${xml(title)}</summary>`, ...inside, "</details>"];

/** The page, with its figures in it. */
export const reportPage = (comparison: Comparison, figures: ReadonlyArray<Figure>): string => {
  const { title, matrix, seeds, variants, sweeps, notes, failures } = comparison;
  const noticed = diagnosesTable(comparison);
  const settled = variants.flatMap(({ name, setting }) =>
    setting === undefined ? [] : [`${name}: ${setting}`],
  );
  return [
    "<!doctype html>",
    '<html lang="en">',
    '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${xml(title)}</title>`,
    `<style>${STYLE}${FIGURE_STYLE}\n</style></head>`,
    "<body>",
    `<h1>${xml(title)}</h1>`,
    `<p class="lead">${variants.length} variants, seeds ${seeds.join(", ")}. Again: <code>resd compare ${xml(matrix)}</code></p>`,
    ...(failures.length === 0 ? [] : [tableHtml(failuresTable(comparison))]),
    tableHtml(mainTable(comparison)),
    ...claims(comparison),
    ...(notes.length === 0
      ? []
      : [
          "<h2>Before believing it</h2>",
          `<ul>${notes.map((note) => `<li>${xml(note)}</li>`).join("")}</ul>`,
        ]),
    "<h2>Figures</h2>",
    ...figures.map((figure) => `<figure>${figureElement(figure, false)}</figure>`),
    tableHtml(crossingsTable(comparison)),
    tableHtml(seedsTable(comparison)),
    tableHtml(costTable(comparison)),
    ...(settled.length === 0
      ? []
      : ["<h2>Settings</h2>", `<ul>${settled.map((one) => `<li>${xml(one)}</li>`).join("")}</ul>`]),
    ...folded(
      "What the runs noticed about themselves",
      noticed.rows.length === 0 ? [] : [tableHtml(noticed)],
    ),
    ...folded("All settings that were tried", sweeps.map(sweepTable).map(tableHtml)),
    ...folded("All pairs of variants", [tableHtml(pairsTable(comparison))]),
    ...folded("All values in which the variants differ", [tableHtml(valuesTable(comparison))]),
    "</body></html>",
    "",
  ].join("\n");
};
