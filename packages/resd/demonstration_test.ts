import { assert, describe, it } from "vitest";
import { attemptAt } from "./_attempt.ts";
import { demonstrations } from "./demonstration.ts";
import { isSolved, makeSolutionBuffer } from "./solution_buffer.ts";

const a0 = attemptAt("a", { sample: 0 });
const a1 = attemptAt("a", { sample: 1 });
const a2 = attemptAt("a", { sample: 2 });
const buffered = makeSolutionBuffer([
  [
    "a",
    {
      text: "old",
      ids: Int32Array.of(1, 2),
      from: 1,
      mask: Uint8Array.of(1),
      logProbs: Float32Array.of(-1),
    },
  ],
]);

describe("demonstrations", () => {
  it.each<[string, ReadonlyArray<boolean>, Parameters<typeof demonstrations>[2], unknown]>([
    [
      "its own answer, when it is solved",
      [true, false, false],
      { ownSolution: true, buffer: buffered },
      { source: "own-solution", text: "a-0" },
    ],
    [
      "nothing, when it is solved and own answers are off, whatever peers and buffer hold",
      [true, true, true],
      { ownSolution: false, buffer: buffered },
      undefined,
    ],
    [
      "the first solved peer, before the buffer",
      [false, true, true],
      { ownSolution: true, buffer: buffered },
      { source: "peer-solution", text: "a-1" },
    ],
    [
      "a solved peer even when own answers are off",
      [false, false, true],
      { ownSolution: false },
      { source: "peer-solution", text: "a-2" },
    ],
    [
      "the buffered answer, when nobody solved it now",
      [false, false, false],
      { ownSolution: true, buffer: buffered },
      { source: "buffered-solution", text: "old" },
    ],
    [
      "the gold solution, whatever was found",
      [true, true, false],
      { ownSolution: true, buffer: buffered, gold: new Map([["a", "gold"]]) },
      { source: "gold-solution", text: "gold" },
    ],
    [
      "nothing, when there is no buffer either",
      [false, false, false],
      { ownSolution: true },
      undefined,
    ],
  ])("demonstrations() shows the first attempt %s", (_, solved, choice, expected) => {
    assert.deepEqual(demonstrations([a0, a1, a2], solved, choice)[0], expected as never);
  });

  it("demonstrations() never crosses tasks", () => {
    const shown = demonstrations([attemptAt("a"), attemptAt("b")], [true, false], {
      ownSolution: true,
    });
    assert.deepEqual(shown[1], undefined);
  });
});

describe("makeSolutionBuffer", () => {
  it("makeSolutionBuffer() keeps the tokens of a solved attempt beside its text", () => {
    const tokens = {
      ids: Int32Array.of(4, 5, 6),
      from: 1,
      mask: Uint8Array.of(1, 1),
      logProbs: Float32Array.of(-1, -2),
    };
    const buffer = makeSolutionBuffer();
    buffer.store([attemptAt("a", tokens)], [true]);
    assert.deepEqual(buffer.get("a"), { text: "a-0", ...tokens });
  });

  it("makeSolutionBuffer() keeps the first solved attempt of each task, and the newest update of them", () => {
    const buffer = makeSolutionBuffer();
    buffer.store([a0, a1, a2, attemptAt("b")], [false, true, true, false]);
    assert.strictEqual(buffer.get("a")?.text, "a-1");
    assert.isUndefined(buffer.get("b"));
    buffer.store([a2], [true]);
    assert.deepEqual(
      buffer.entries().map(([key, { text }]) => [key, text]),
      [["a", "a-2"]],
    );
  });
});

describe("isSolved", () => {
  it("isSolved() goes by the environment's word or by a threshold on the reward", () => {
    const partial = attemptAt("a", { reward: 0.5, success: false });
    assert.isFalse(isSolved(partial, "success"));
    assert.isTrue(isSolved(partial, { scoreAtLeast: 0.5 }));
    assert.isFalse(isSolved(partial, { scoreAtLeast: 1 }));
  });
});
