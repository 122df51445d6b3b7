import { conventionOf, pairingsOf } from "@resd/env-kestrel/language";
import { assert, describe, it } from "vitest";
import { madeUpEntry, madeUpRun } from "./_made_up_run.ts";
import { leadOf, resultsTable, truthOf } from "./results_table.ts";

const truths = pairingsOf(conventionOf(3));
const run = madeUpRun({
  seed: 3,
  student: [0.02, 0.2, 0.4, 0.8, 0.9],
  teacher: [0.02, 0.55, 0.6, 0.9, 0.95],
  phases: { update: 8, rollout: 12.34 },
  playbook: {
    size: 3,
    added: 5,
    removed: { harmful: 1, stale: 1 },
    entries: [truths[0]!, truths[5]!, "square is nothing"].map(madeUpEntry),
  },
});

describe("truthOf()", () => {
  it("counts the entries that are true of the chip of the run's seed", () => {
    assert.deepStrictEqual(truthOf(run), [2, 3]);
    assert.isUndefined(truthOf({ ...run, environment: "another" }));
  });
});

describe("leadOf()", () => {
  it("is the smallest lead of the evaluations between a quarter and half of the updates", () => {
    assert.closeTo(leadOf(run)!, 0.2, 1e-12);
    assert.isUndefined(leadOf(madeUpRun({ seed: 1, student: [0, 1] })));
  });
});

describe("resultsTable()", () => {
  it("has a row for each run and one of medians, then the phases from the longest on", () => {
    const other = madeUpRun({ seed: 4, student: [0, 0, 0, 0, 0.7], phases: { update: 10 } });
    const lines = resultsTable([run, other]).split("\n");
    assert.strictEqual(
      lines[2],
      "| 3 | 2.0 | 90.0 | 90.0 | 95.0 | 20.0 | 768 | 2 of 3 | 1 harmful, 1 stale | 60 |",
    );
    assert.strictEqual(lines[3], "| 4 | 0.0 | 70.0 | 70.0 | – | – | 768 | 0 of 0 | none | 60 |");
    assert.strictEqual(lines[4], "| median | 1.0 | 80.0 | 80.0 | 95.0 | 20.0 | 768 |  |  | 60 |");
    assert.deepStrictEqual(lines.slice(-2), ["| update | 9.0 |", "| rollout | 6.2 |"]);
  });
});
