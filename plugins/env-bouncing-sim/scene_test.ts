import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { BALL_RADIUS, CENTRE, LEVELS, drawScene, inradius } from "./scene.ts";

describe("drawScene()", () => {
  it("drawScene() puts balls inside, apart, at whole places and at the level's speeds", () => {
    const counts = { easy: new Set<number>(), medium: new Set<number>() };
    for (const level of LEVELS) {
      for (let i = 0; i < 400; i++) {
        const { sides, balls } = drawScene(makeRandom("scene test", level, i), level);
        counts[level].add(balls.length);
        assert.include([3, 4, 5, 6], sides);
        balls.forEach(({ x, y, vx, vy, sides: corners }, place) => {
          assert.include([3, 4, 5, 6], corners);
          assert.isTrue(Number.isInteger(x) && Number.isInteger(y));
          const [least, most] = level === "easy" ? [400, 600] : [600, 800];
          assert.isAtLeast(Math.hypot(vx, vy), least - 0.01);
          assert.isAtMost(Math.hypot(vx, vy), most + 0.01);
          for (let wall = 0; wall < sides; wall++) {
            const angle = (Math.PI * (2 * wall + 1)) / sides;
            const out = (x - CENTRE) * Math.cos(angle) + (y - CENTRE) * Math.sin(angle);
            assert.isAtMost(out + BALL_RADIUS, inradius(sides) + 1e-9);
          }
          for (const other of balls.slice(place + 1)) {
            assert.isAtLeast(Math.hypot(other.x - x, other.y - y), 45);
          }
        });
      }
    }
    assert.deepStrictEqual([...counts.easy], [3]);
    assert.deepStrictEqual([...counts.medium].toSorted(), [4, 5]);
  });
});
