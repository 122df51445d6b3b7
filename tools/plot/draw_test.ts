import { assert, describe, it } from "vitest";
import { madeUpRun } from "./_made_up_run.ts";
import { drawRuns } from "./draw.ts";

const runs = [1, 2, 3].map((seed) =>
  madeUpRun({
    seed,
    student: [0.02, 0.1 * seed, 0.2 + 0.1 * seed],
    teacher: [0.02, 0.2 + 0.1 * seed, 0.4 + 0.1 * seed],
  }),
);
const all = (svg: string, tag: string, name: string) =>
  [...svg.matchAll(new RegExp(`<${tag} class="${name}"[^>]*>`, "g"))].map(([match]) => match);

describe("drawRuns()", () => {
  it("draws line, range and dots of both roles, and says where the medians end", () => {
    const svg = drawRuns(runs, "A title");
    for (const role of ["student", "teacher"]) {
      assert.lengthOf(all(svg, "polyline", `${role} line`), 1);
      assert.lengthOf(all(svg, "polygon", `${role} range`), 1);
      assert.lengthOf(all(svg, "circle", `${role} dot`), 3);
    }
    assert.match(svg, />40 %<\/tspan> <tspan class="name">student/);
    assert.match(svg, />60 %<\/tspan> <tspan class="name">teacher/);
    assert.include(svg, "median and range of 3 seeds (1–3)");
    assert.include(svg, "success of the student goes from 2 % at 0 interactions to 40 % at 384.");
  });
  it("draws the student alone, and no range, when there is one run and no teacher in it", () => {
    const svg = drawRuns([madeUpRun({ seed: 7, student: [0, 0.5] })], "A title");
    assert.lengthOf(all(svg, "polygon", "student range"), 0);
    assert.lengthOf(all(svg, "polyline", "student line"), 1);
    assert.lengthOf(all(svg, "polyline", "teacher line"), 0);
    assert.include(svg, "held-out tasks, seed 7<");
  });
  it("needs nothing but itself, and keeps markup in a title as text", () => {
    const svg = drawRuns(runs, "a < b & c");
    assert.include(svg, ">a &lt; b &amp; c</text>");
    assert.notMatch(svg, /url\(|href|<script|@import|NaN|Infinity|undefined/);
  });
  it("writes the same file for the same runs, whatever their order", () => {
    assert.strictEqual(drawRuns(runs.toReversed(), "A title"), drawRuns(runs, "A title"));
  });
});
