import { assert, describe, it } from "vitest";
import { attemptAt } from "./_attempt.ts";
import { imitations } from "./imitation.ts";
import { makeSolutionBuffer } from "./solution_buffer.ts";

const tokens = (first: number) => ({
  ids: Int32Array.of(first, first + 1, first + 2),
  from: 1,
  mask: Uint8Array.of(1, 1),
  logProbs: Float32Array.of(-1, -2),
});
const attempts = [
  attemptAt("a", { sample: 0, ...tokens(10) }),
  attemptAt("a", { sample: 1, ...tokens(20) }),
  attemptAt("b", { sample: 0, ...tokens(30) }),
  attemptAt("b", { sample: 1, ...tokens(40) }),
  attemptAt("c", { sample: 0, ...tokens(50) }),
];
const buffer = makeSolutionBuffer([
  ["a", { text: "old a", ...tokens(60) }],
  ["b", { text: "old b", ...tokens(70) }],
]);
const ones = attempts.map(() => 1);

describe("imitations", () => {
  it("imitations() learns solved attempts, and a task's cached solution once where nobody solved it", () => {
    const samples = imitations(attempts, [false, true, false, false, false], ones, buffer);
    assert.deepEqual(
      samples.map(({ signal, student, mask }) => [signal, student.ids[0], [...mask]]),
      [
        ["none:no-solution", 10, [0, 0]],
        ["own-solution", 20, [1, 1]],
        ["buffered-solution", 70, [1, 1]],
        ["none:no-solution", 40, [0, 0]],
        ["none:no-solution", 50, [0, 0]],
      ],
    );
    assert.deepEqual(
      samples.map(({ id }) => id),
      attempts.map(({ id }) => id),
    );
  });

  it("imitations() learns only what is solved now, without a buffer", () => {
    const samples = imitations(attempts, [true, true, false, false, false], ones, undefined);
    assert.deepEqual(
      samples.map(({ signal }) => signal.startsWith("none:")),
      [false, false, true, true, true],
    );
    assert.isTrue(samples.every((sample) => sample.teacher === undefined));
  });
});
