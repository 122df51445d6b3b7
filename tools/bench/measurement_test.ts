import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import {
  inTurns,
  measurement,
  median,
  MILLISECONDS,
  timed,
  tokensPerSecond,
} from "./measurement.ts";

const sides = { name: "a", peerName: "b", threads: 2 };

describe("median()", () => {
  it("is the middle value, or the mean of the two middle ones", () => {
    assert.strictEqual(median([9, 1, 5]), 5);
    assert.strictEqual(median([4, 1, 2, 100]), 3);
  });
});

describe("measurement()", () => {
  it("compares the best times and the medians; above 1 ours is better", () => {
    const row = measurement({
      ...sides,
      unit: MILLISECONDS,
      ours: [20, 10, 40],
      peer: [15, 50, 30],
    });
    assert.deepInclude(row, { ours: 10, peer: 15, ratio: 1.5, unit: "ms", repeats: 3, threads: 2 });
    assert.deepInclude(row, { oursMedian: 20, peerMedian: 30, medianRatio: 1.5 });
  });

  it("gives the highest rate for the smallest time, and the same ratio", () => {
    const unit = tokensPerSecond(100);
    const row = measurement({ ...sides, unit, ours: [100, 50], peer: [200, 100] });
    assert.deepInclude(row, { ours: 2000, peer: 1000, ratio: 2, unit: "tokens/s" });
  });

  it("has null for a peer that is missing", () => {
    const row = measurement({ ...sides, unit: MILLISECONDS, ours: [1], peer: undefined });
    assert.deepInclude(row, { peer: null, ratio: null, peerMedian: null, medianRatio: null });
  });
});

describe("inTurns()", () => {
  it.live("takes both sides equally often and reverses their order at every repeat", () =>
    Effect.gen(function* () {
      const order: Array<string> = [];
      const side = (name: string, time: number) => Effect.sync(() => (order.push(name), time));
      const times = yield* inTurns(3, side("ours", 1), side("peer", 2));
      assert.deepStrictEqual(times, { ours: [1, 1, 1], peer: [2, 2, 2] });
      assert.deepStrictEqual(order, ["ours", "peer", "peer", "ours", "ours", "peer"]);
    }),
  );

  it.live("takes ours alone where there is no peer", () =>
    Effect.gen(function* () {
      const times = yield* inTurns(2, Effect.succeed(1), undefined);
      assert.deepStrictEqual(times, { ours: [1, 1], peer: undefined });
    }),
  );
});

describe("timed()", () => {
  it.live("gives the milliseconds of an effect", () =>
    Effect.gen(function* () {
      assert.isAtLeast(yield* timed(Effect.sleep(30)), 25);
    }),
  );
});
