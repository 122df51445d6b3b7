import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { exactPositions } from "./_exact.ts";
import { LEVELS, type Level, drawScene } from "./scene.ts";
import { STEPS_PER_SECOND, disagreement, predict, simulate } from "./simulate.ts";

const scenes = (level: Level, count: number) =>
  Array.from({ length: count }, (_, i) => drawScene(makeRandom("simulate test", level, i), level));

describe("simulate()", () => {
  it.each(LEVELS)("simulate() agrees with contacts solved by hand, %s", (level) => {
    for (const scene of scenes(level, 10)) {
      const [fine, coarse] = STEPS_PER_SECOND.map((steps) => simulate(scene, steps));
      assert.isBelow(disagreement(fine!, exactPositions(scene)), 0.5);
      assert.isBelow(disagreement(coarse!, fine!), 0.5);
    }
  });

  it("simulate() leaves out steps in which nothing happens, and nothing changes", () => {
    for (const scene of scenes("medium", 2)) {
      assert.isBelow(disagreement(simulate(scene, 1000), simulate(scene, 1000, true)), 0.1);
    }
  });

  it("simulate() keeps the balls in the container", () => {
    for (const scene of scenes("medium", 5)) {
      for (const balls of simulate(scene, 1000)) {
        for (const [x, y] of balls) assert.isBelow(Math.hypot(x - 750, y - 750), 375);
      }
    }
  });

  it("predict() gives the same places every time, in hundredths", () => {
    const [scene] = scenes("easy", 1);
    const places = predict(scene!);
    assert.deepStrictEqual(places, predict(scene!));
    assert.lengthOf(places!, 15);
    for (const value of places!.flat(2)) assert.strictEqual(Math.round(value * 100) / 100, value);
  });
});
