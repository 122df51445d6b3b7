import { assert, describe, it } from "vitest";
import { keptWithin, linearScale, logScale, logTicks, spacedOut, ticksUpTo } from "./scale.ts";

describe("linearScale()", () => {
  it("maps the ends of the domain to the ends of the range, also when the range runs downwards", () => {
    const y = linearScale([0, 1], [300, 100]);
    assert.deepStrictEqual([y(0), y(0.25), y(1)], [300, 250, 100]);
  });
});

describe("ticksUpTo()", () => {
  it("gives round multiples in no more steps than asked for, and the end where there is room", () => {
    assert.deepStrictEqual(ticksUpTo(960, 6), [0, 200, 400, 600, 800, 960]);
    assert.deepStrictEqual(ticksUpTo(12_288, 6), [0, 5000, 10_000]);
    assert.deepStrictEqual(ticksUpTo(3, 6), [0, 0.5, 1, 1.5, 2, 2.5, 3]);
    for (const end of [1, 7, 16, 64, 999, 1000, 1001]) {
      const ticks = ticksUpTo(end, 6);
      assert.isAtMost(ticks.length, 8, `end ${end}`);
      assert.isAtMost(ticks.at(-1)!, end, `end ${end}`);
    }
  });
});

describe("spacedOut()", () => {
  it("leaves places alone, when they are far enough apart", () => {
    assert.deepStrictEqual(spacedOut([10, 80], 40), [10, 80]);
  });
  it("moves crowded places apart by as much as is missing, in their order", () => {
    assert.deepStrictEqual(spacedOut([60, 50], 40), [75, 35]);
    assert.deepStrictEqual(spacedOut([50, 50], 40), [30, 70]);
  });
});

describe("keptWithin()", () => {
  it("moves what lies beyond the limit back, and what is in its way further", () => {
    assert.deepStrictEqual(keptWithin([100, 90, 10], 80, 15), [80, 65, 10]);
    assert.deepStrictEqual(keptWithin([10, 30], 80, 15), [10, 30]);
  });
});

describe("logScale()", () => {
  it("gives equal ratios equal lengths", () => {
    const x = logScale([10, 1000], [0, 200]);
    assert.closeTo(x(100), 100, 1e-9);
    assert.closeTo(x(1000) - x(500), x(20) - x(10), 1e-9);
  });
});

describe("logTicks()", () => {
  it("gives 1, 2 and 5 in every decade, or powers of ten where these are too many", () => {
    assert.deepStrictEqual(logTicks(64, 960, 9), [100, 200, 500]);
    assert.deepStrictEqual(logTicks(16, 20_480, 9), [100, 1000, 10_000]);
  });
});
