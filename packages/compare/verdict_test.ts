import { assert, describe, it } from "vitest";
import { madeUpCell } from "./_made_up.ts";
import { judge } from "./verdict.ts";

const finals: Readonly<Record<string, ReadonlyArray<number>>> = {
  high: [0.8, 0.85, 0.9, 0.95, 0.8],
  alike: [0.79, 0.86, 0.88, 0.96, 0.81],
  low: [0.1, 0.2, 0.15, 0.1, 0.2],
  few: [0.1, 0.2, 0.1, 0.2],
};
const cellsOf = (name: string) =>
  (finals[name] ?? []).map((final, i) => madeUpCell(name, i + 1, [0, final / 2, final]));
const verdictOf = (claim: Parameters<typeof judge>[0]) => judge(claim, cellsOf).verdict;

const above = (first: string, second: string) =>
  ({ text: "a claim", above: [first, second], measure: "final" }) as const;

describe("judge()", () => {
  it("judge() goes by the whole interval", () => {
    assert.strictEqual(verdictOf(above("high", "low")), "holds");
    assert.strictEqual(verdictOf(above("low", "high")), "reversed");
    assert.strictEqual(verdictOf(above("high", "alike")), "undecided");
  });

  it("judge() decides nothing on four pairs, or on none", () => {
    const few = judge(above("high", "few"), cellsOf);
    assert.strictEqual(few.verdict, "undecided");
    assert.match(few.evidence, /5 pairs are needed to decide/);
    const none = judge(above("high", "unknown"), cellsOf);
    assert.strictEqual(none.verdict, "undecided");
    assert.match(none.evidence, /not measured/);
  });

  it("judge() tells what degrades the other way round", () => {
    const degrades = { text: "a claim", degrades: ["low", "high"], measure: "final" } as const;
    assert.strictEqual(verdictOf(degrades), "holds");
  });

  it("judge() asks two things of what recovers: better than the one, not worse than the other", () => {
    const recovers = (names: readonly [string, string, string], margin: number) =>
      verdictOf({ text: "a claim", recovers: names, measure: "final", margin });
    assert.strictEqual(recovers(["high", "low", "alike"], 0.05), "holds");
    assert.strictEqual(recovers(["high", "low", "alike"], 0.001), "undecided");
    assert.strictEqual(recovers(["low", "few", "high"], 0.05), "undecided");
    assert.strictEqual(recovers(["low", "high", "alike"], 0.05), "reversed");
  });

  it("judge() compares crossings, and says at least where some are censored", () => {
    const faster = (times: number) =>
      judge({ text: "a claim", faster: ["high", "low"], to: 0.4, in: "updates", times }, cellsOf);
    assert.strictEqual(faster(1).verdict, "holds");
    assert.strictEqual(faster(10).verdict, "undecided");
    assert.match(
      faster(1).evidence,
      /low needs ≥ [\d.]+× \(≥ [\d.]+, 5 seeds\) the updates of high/,
    );
    const slower = judge(
      { text: "a claim", faster: ["low", "high"], to: 0.4, in: "updates", times: 1 },
      cellsOf,
    );
    assert.strictEqual(slower.verdict, "reversed");
  });
});
