import { assert, describe, it } from "vitest";
import { madeUpRun } from "./_made_up_run.ts";
import { spreadOf } from "./spread.ts";

describe("spreadOf()", () => {
  const runs = [
    madeUpRun({ seed: 1, student: [0, 0.5, 1] }),
    madeUpRun({ seed: 2, student: [0.1, 0.2, 0.9] }),
    madeUpRun({ seed: 3, student: [0.2, 0.4, 0.2] }),
  ];

  it("gives median and range at every update, in the order of updates", () => {
    assert.deepStrictEqual(spreadOf(runs, "student"), [
      { update: 0, interactions: 0, low: 0, median: 0.1, high: 0.2 },
      { update: 12, interactions: 192, low: 0.2, median: 0.4, high: 0.5 },
      { update: 24, interactions: 384, low: 0.2, median: 0.9, high: 1 },
    ]);
  });
  it("leaves out updates that not every run was evaluated at", () => {
    const short = madeUpRun({ seed: 4, student: [0.1, 0.3] });
    const updates = spreadOf([...runs, short], "student").map((point) => point.update);
    assert.deepStrictEqual(updates, [0, 12]);
  });
  it("is empty for a teacher that was not measured in all runs", () => {
    const taught = madeUpRun({ seed: 4, student: [0, 0.1, 0.2], teacher: [0, 0.5, 0.6] });
    assert.deepStrictEqual(spreadOf([...runs, taught], "teacher"), []);
    assert.strictEqual(spreadOf([taught], "teacher").length, 3);
  });
});
