import type { Cell, CellOutcome, ConductEvent } from "@resd/compare";
import { assert, describe, it } from "vitest";
import {
  advance,
  blockLines,
  duration,
  follow,
  lastingLine,
  noCells,
  overallLine,
  secondsLeft,
} from "./compare_progress.ts";

const cell = (variant: string, seed: number): Cell =>
  ({ variant, seed, role: { _tag: "Result" }, key: `${variant}${seed}` }) as Cell;

const finished = (wallSeconds = 20): CellOutcome =>
  ({
    _tag: "Finished",
    result: { curve: [{ success: 0.5, interactions: 960 }], cost: { wallSeconds } },
  }) as unknown as CellOutcome;

const failed = { _tag: "Failed", failure: { message: "Expected memory" } } as CellOutcome;

const cells = [cell("a", 1), cell("a", 2), cell("b", 1), cell("b", 2)];
const planned: ConductEvent = { _tag: "Planned", cells, jobs: 2 };
const started = (of: Cell): ConductEvent => ({ _tag: "Started", cell: of });
const ended = (of: Cell, outcome: CellOutcome): ConductEvent => ({
  _tag: "Ended",
  cell: of,
  outcome,
});

/** Progress after events that come at these milliseconds. */
const after = (...events: ReadonlyArray<readonly [millis: number, event: ConductEvent]>) =>
  events.reduce((progress, [millis, event]) => follow(progress, event, millis), noCells);

describe("secondsLeft()", () => {
  it("secondsLeft() knows nothing before a cell has got somewhere", () => {
    assert.isUndefined(secondsLeft(after([0, planned], [0, started(cells[0]!)]), 5000));
  });

  it("secondsLeft() goes by cells of the same variant, and by the share that running ones have done", () => {
    let progress = after(
      [0, planned],
      [0, started(cells[0]!)],
      [0, started(cells[2]!)],
      [20_000, ended(cells[0]!, finished())],
      [20_000, started(cells[1]!)],
    );
    // Of a: 20 s each. Of b: half done after 30 s, so 60 s each.
    progress = advance(progress, cells[2]!, { updates: 5, planned: 10, interactions: 80 });
    // 10 s of a, 30 s of b, then 60 s more of b: one after the other for two at a time, but b cannot be split.
    assert.closeTo(secondsLeft(progress, 30_000)!, 60, 1e-9);
  });

  it("secondsLeft() goes by what was found, and by the mean of the others where nothing else is known", () => {
    const found: ConductEvent = {
      _tag: "Found",
      cell: cells[0]!,
      result: (finished(40) as Extract<CellOutcome, { _tag: "Finished" }>).result,
    };
    assert.closeTo(secondsLeft(after([0, planned], [0, found]), 0)!, (3 * 40) / 2, 1e-9);
  });
});

describe("lines of progress", () => {
  it("overallLine() counts what has ended, was found and failed", () => {
    const progress = after(
      [0, planned],
      [0, started(cells[0]!)],
      [10_000, ended(cells[0]!, failed)],
      [10_000, started(cells[1]!)],
      [30_000, ended(cells[1]!, finished())],
    );
    assert.strictEqual(overallLine(progress, 30_000), "2 of 4 cells · 1 failed · about 20 s left");
  });

  it("blockLines() has a line for each running cell", () => {
    const running = advance(after([0, planned], [0, started(cells[0]!)]), cells[0]!, {
      updates: 3,
      planned: 60,
      interactions: 48,
      success: 0.125,
    });
    assert.deepEqual(blockLines(running, 4000).slice(1), [
      "  a seed 1 · update 3 of at most 60, 48 interactions · held out 12.5 % · 4 s",
    ]);
  });

  it("lastingLine() says how a cell ended, and nothing of its start", () => {
    assert.isUndefined(lastingLine(started(cells[0]!)));
    assert.strictEqual(
      lastingLine(ended(cells[0]!, finished(90))),
      "finished  a seed 1: 50.0 % after 960 interactions, 2 min",
    );
    assert.strictEqual(
      lastingLine(ended(cells[0]!, failed)),
      "failed    a seed 1: Expected memory",
    );
  });

  it("duration() is short", () => {
    assert.deepEqual([4.2, 59, 90, 3600, 7500].map(duration), [
      "5 s",
      "59 s",
      "2 min",
      "1 h 00 min",
      "2 h 05 min",
    ]);
  });
});
