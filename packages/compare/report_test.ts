/** What a comparison leaves behind, from made-up cells. */
import { Schema } from "effect";
import { assert, describe, it } from "vitest";
import { madeUpCell, madeUpFailure } from "./_made_up.ts";
import { Comparison, analyse } from "./analyse.ts";
import type { CellResult } from "./cell_result.ts";
import type { Conducted } from "./conduct.ts";
import { figuresOf } from "./figures.ts";
import { reportFiles } from "./files.ts";
import type { Matrix } from "./read_matrix.ts";
import { figureElement } from "./svg.ts";
import { csv, tableText } from "./table.ts";
import { crossingsTable, diagnosesTable, mainTable, pairsTable, sweepTable } from "./tables.ts";

const SEEDS = [1, 2, 3, 4, 5];
const quick = SEEDS.map((seed) => madeUpCell("quick", seed, [0, 0.4, 0.8 + seed / 100]));
const slow = SEEDS.map((seed) =>
  madeUpCell("slow <b>", seed, [0, 0, 0, 0.1, 0.5, 0.7], { rollouts: 8 }),
);
const never = SEEDS.slice(0, 4).map((seed) => madeUpCell("never", seed, [0, 0.05, 0.1]));

const matrix: Matrix = {
  name: "made_up",
  title: "Made & up",
  file: "made_up.json",
  seeds: SEEDS,
  thresholds: [0.3, 0.5],
  threads: 1,
  tuning: { seeds: [100, 101], threshold: 0.5, config: {} },
  variants: ["quick", "slow <b>", "never"].map((name) => ({ name, parts: [] })),
  claims: [
    {
      text: "quick is faster",
      faster: ["quick", "slow <b>"],
      to: 0.5,
      in: "interactions",
      times: 8,
    },
    { text: "never is better", above: ["never", "quick"], measure: "final" },
  ],
};

const conducted = (results: ReadonlyArray<CellResult>): Conducted => ({
  results,
  tuning: [],
  failures: [madeUpFailure("never", 5)],
  sweeps: [
    {
      variant: "quick",
      seeds: [100, 101],
      threshold: 0.5,
      tried: [
        {
          setting: 0,
          text: "resd.lr 0.001",
          interactions: [100, null],
          medianInteractions: null,
          medianFinal: 0.4,
        },
        {
          setting: 1,
          text: "resd.lr 0.002",
          interactions: [100, 200],
          medianInteractions: 150,
          medianFinal: 0.9,
        },
      ],
      chosen: 1,
    },
  ],
  settings: { quick: "resd.lr 0.002" },
  configs: {},
});

const comparison = analyse(matrix, conducted([...quick, ...slow, ...never]));

describe("analyse()", () => {
  it("analyse() gives what its schema takes, also through JSON", () => {
    const again = Schema.decodeUnknownSync(Comparison)(JSON.parse(JSON.stringify(comparison)));
    assert.deepEqual(again, JSON.parse(JSON.stringify(comparison)));
  });

  it("analyse() finds crossings, ratios and verdicts", () => {
    const [first, second, third] = comparison.variants;
    // quick: a quarter of the way from 0.4 to 0.8…0.85 after 64 interactions; slow: 0.5 at 4 · 4 · 128 interactions.
    assert.closeTo(first!.crossings[1]!.interactions!, 64 + (64 * 0.1) / 0.43, 1e-9);
    assert.strictEqual(second!.crossings[1]!.interactions, 2048);
    assert.isNull(third!.crossings[1]!.interactions);
    const pair = comparison.pairs.find(
      (one) => one.first === "quick" && one.second === "slow <b>",
    )!;
    const ratio = pair.ratios.find(
      ({ threshold, axis }) => threshold === 0.5 && axis === "interactions",
    )!;
    assert.closeTo(ratio.median!.low, 2048 / (64 + (64 * 0.1) / 0.43), 1e-9);
    assert.deepEqual(
      comparison.claims.map(({ verdict, seeds }) => [verdict, seeds]),
      [
        ["holds", 5],
        ["undecided", 4],
      ],
    );
    assert.deepEqual(
      comparison.pairs.map(({ first: a, second: b }) => `${a}/${b}`),
      ["quick/slow <b>", "quick/never", "slow <b>/never"],
    );
  });

  it("analyse() warns of what makes a comparison unfair", () => {
    const notes = comparison.notes.join("\n");
    assert.match(notes, /5 seeds: .* covers the truth in 93\.75 %/);
    assert.match(
      notes,
      /different numbers of interactions \(quick 128, slow <b> 2,560, never 128\)/,
    );
    assert.match(notes, /chosen on seeds 100, 101/);
    assert.match(notes, /1 cells? did not finish/);
  });

  it("analyse() makes do with variants that have no cells", () => {
    const empty = analyse(matrix, conducted([]));
    assert.isUndefined(empty.variants[0]!.final);
    assert.isNull(empty.pairs[0]!.final.median);
    assert.strictEqual(empty.claims[0]!.verdict, "undecided");
    assert.isString(reportFiles(empty)["report.html"]);
  });
});

describe("tables", () => {
  it("mainTable() has a row a variant, with bounds where seeds never got there", () => {
    const text = tableText(mainTable(comparison));
    assert.match(text, /quick +5 +83\.0 \(81\.0 to 85\.0\)/);
    assert.match(text, /slow <b> +5 .*2,048 +16 +26×/);
    assert.match(text, /never +4 .*never +never +never +≥ 1\.62×/);
    assert.strictEqual(
      new Set(
        text
          .split("\n")
          .slice(2)
          .map((line) => line.length),
      ).size,
      1,
    );
  });

  it("crossingsTable() marks what was censored, pairsTable() what is only bounded", () => {
    assert.include(crossingsTable(comparison).rows.at(-1)!.join(" "), "> 128 (> 8)");
    assert.include(pairsTable(comparison).rows[1]!.join(" "), "≥ 1.62× (≥");
  });

  it("sweepTable() says what was tried and what was chosen", () => {
    const text = tableText(sweepTable(comparison.sweeps[0]!));
    assert.match(text, /resd\.lr 0\.001 +never +100 +never +40\.0/);
    assert.match(text, /resd\.lr 0\.002 +chosen +150 +100 +200 +90\.0/);
  });

  it("diagnosesTable() has a row for each cause of a variant, with the seeds that noticed it", () => {
    const diagnosis = { kind: "still", cause: "no-signal", update: 8, message: "nothing teaches" };
    const cells = slow.map((cell) =>
      cell.seed < 3 ? { ...cell, diagnoses: [{ ...diagnosis, update: 8 + cell.seed }] } : cell,
    );
    assert.deepEqual(diagnosesTable({ ...comparison, cells }).rows, [
      ["slow <b>", "still", "no-signal", "1, 2", "9", "nothing teaches"],
    ]);
    assert.deepEqual(diagnosesTable(comparison).rows, []);
  });

  it("csv() quotes what needs it, and leaves empty what is not known", () => {
    assert.strictEqual(
      csv(
        ["a", "b"],
        [
          ["x,y", 'z"'],
          [null, 1.5],
        ],
      ),
      'a,b\n"x,y","z"""\n,1.5\n',
    );
  });
});

describe("figuresOf()", () => {
  const figures = figuresOf(comparison);

  it("figuresOf() draws everything that was measured", () => {
    assert.deepEqual(
      figures.map(({ name }) => name),
      [
        "success-by-interactions",
        "success-by-updates",
        "interactions-to-30",
        "interactions-to-50",
        "response-length",
        "divergence",
        "playbook-size",
        "signals",
      ],
    );
    for (const figure of figures) {
      const svg = figureElement(figure, true);
      assert.notMatch(svg, /url\(|href|<script|@import|NaN|Infinity|undefined/, figure.name);
      assert.include(svg, "slow &lt;b&gt;", figure.name);
      assert.include(svg, "prefers-color-scheme: dark");
    }
  });

  it("figuresOf() has a line for each median and a thin one for each seed", () => {
    const svg = figureElement(figures[0]!, false);
    const count = (name: string) => svg.split(`class="${name}"`).length - 1;
    assert.strictEqual(count("line"), 3);
    assert.strictEqual(count("band"), 3);
    assert.strictEqual(count("seed"), 14 + 3);
    assert.match(svg, /quick, median of 5: from 40 % at 64 to 83 % at 128\./);
  });

  it("figuresOf() leaves out what no run has", () => {
    const bare = comparison.cells.map((cell) => ({
      ...cell,
      updates: cell.updates.map(({ updates, interactions }) => ({
        updates,
        interactions,
        divergence: 0,
        signals: {},
      })),
    }));
    assert.deepEqual(
      figuresOf({ ...comparison, cells: bare }).map(({ name }) => name),
      ["success-by-interactions", "success-by-updates", "interactions-to-30", "interactions-to-50"],
    );
  });
});

describe("reportFiles()", () => {
  const files = reportFiles(comparison);

  it("reportFiles() has one page that needs nothing but itself", () => {
    const page = files["report.html"]!;
    assert.notMatch(page, /url\(|\bhref=|\bsrc=|<script|@import|<link|NaN|Infinity|undefined/);
    for (const heading of [
      "Variants",
      "Claims",
      "Crossings",
      "Seeds",
      "Cost",
      "Pairs",
      "Settings",
    ]) {
      assert.match(page, new RegExp(`<h2>${heading}`), heading);
    }
    assert.include(page, "Made &amp; up");
    assert.include(page, "slow &lt;b&gt;");
    assert.notInclude(page, "slow <b>");
    assert.strictEqual(page.split("<svg").length - 1, 8);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.strictEqual(new Set(ids).size, ids.length);
    for (const tag of ["table", "figure", "details", "div", "svg", "g"]) {
      const opened = page.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
      assert.strictEqual(page.split(`</${tag}>`).length - 1, opened, tag);
    }
  });

  it("reportFiles() has every number of the curves in CSV, and all of it in JSON", () => {
    const lines = files["curves.csv"]!.trim().split("\n");
    const points = comparison.cells.reduce((sum, { curve }) => sum + curve.length, 0);
    assert.lengthOf(lines, 1 + points);
    assert.strictEqual(lines[2], "quick,1,4,64,0.4,,0.4,0.44000000000000006,11.75,");
    assert.deepEqual(JSON.parse(files["compare.json"]!).claims, comparison.claims);
    assert.match(files["crossings.csv"]!, /^never,1,0\.5,0,128,8$/m);
    assert.match(files["pairs.csv"]!, /^quick,never,ratio of interactions,0\.5,4,1\.6\d+,,/m);
    assert.match(files["updates.csv"]!, /signal\/own-solution,signal\/reflection\n/);
  });

  it("reportFiles() is the same for the same cells", () => {
    assert.deepEqual(reportFiles(comparison), files);
  });
});
