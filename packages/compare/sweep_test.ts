import { assert, describe, it } from "vitest";
import { madeUpCell, madeUpFailure } from "./_made_up.ts";
import { chooseSetting } from "./sweep.ts";

const sweep = {
  variant: "a",
  seeds: [100, 101, 102],
  threshold: 0.5,
  texts: ["one", "two", "three"],
};

/** Cells of a setting whose curves are these. */
const tried = (setting: number, curves: ReadonlyArray<ReadonlyArray<number>>) =>
  curves.map((curve, i) => madeUpCell("a", 100 + i, curve, { role: { _tag: "Tuning", setting } }));

const early = [0, 0.6, 0.6];
const late = [0, 0.1, 0.9];
const never = [0, 0.1, 0.4];

describe("chooseSetting()", () => {
  it("chooseSetting() takes the fewest interactions in the median, whatever the end", () => {
    const { chosen, tried: weighed } = chooseSetting(
      sweep,
      [
        ...tried(0, [late, late, late]),
        ...tried(1, [early, early, never]),
        ...tried(2, [late, late, never]),
      ],
      [],
    );
    assert.strictEqual(chosen, 1);
    assert.deepEqual(
      weighed.map(({ medianInteractions }) => medianInteractions?.toFixed(0)),
      ["96", "53", "96"],
    );
    assert.deepEqual(weighed[1]!.interactions.at(-1), null);
  });

  it("chooseSetting() goes by the end where no setting gets there with most seeds", () => {
    const better = [0, 0.1, 0.45];
    const { chosen } = chooseSetting(
      sweep,
      [
        ...tried(0, [never, never, early]),
        ...tried(1, [better, better, better]),
        ...tried(2, [never, never, never]),
      ],
      [],
    );
    assert.strictEqual(chosen, 1);
  });

  it("chooseSetting() takes the first of equals, and none of which a cell failed", () => {
    const same = [0, 1, 2].flatMap((setting) => tried(setting, [early, early, early]));
    assert.strictEqual(chooseSetting(sweep, same, []).chosen, 0);
    const failure = { ...madeUpFailure("a", 100), role: { _tag: "Tuning", setting: 0 } } as const;
    const outcome = chooseSetting(sweep, same, [failure]);
    assert.strictEqual(outcome.chosen, 1);
    assert.strictEqual(outcome.tried[0]!.failed, failure.message);
    assert.isNull(chooseSetting({ ...sweep, texts: ["one"] }, [], [failure]).chosen);
  });
});
