import { assert, describe, it } from "vitest";
import { rlsdAdvantages, rlsdMix } from "./rlsd.ts";

describe("rlsdMix()", () => {
  it("falls from a half to nothing over fifty updates and stays there", () => {
    assert.deepStrictEqual([0, 25, 50, 1000].map(rlsdMix), [0.5, 0.25, 0, 0]);
  });
});

describe("rlsdAdvantages()", () => {
  it("gives more to tokens the teacher prefers, within the clip, whichever sign the advantage has", () => {
    const up = rlsdAdvantages(2, [-1, -1], [-0.9, -5], { mix: 0.5 });
    assert.closeTo(up[0] as number, 2 * (0.5 + 0.5 * Math.exp(0.1)), 1e-12);
    assert.closeTo(up[1] as number, 2 * (0.5 + 0.5 * 0.8), 1e-12);
    const down = rlsdAdvantages(-2, [-1, -1], [-0.9, -5], { mix: 0.5 });
    assert.closeTo(down[0] as number, -2 * (0.5 + 0.5 * Math.exp(-0.1)), 1e-12);
    assert.closeTo(down[1] as number, -2 * (0.5 + 0.5 * 1.2), 1e-12);
  });

  it("changes nothing when the teacher is the student", () => {
    assert.deepStrictEqual(Array.from(rlsdAdvantages(3, [-1, -2], [-1, -2], { mix: 0.5 })), [3, 3]);
  });
});
