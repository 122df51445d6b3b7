import { assert, describe, it } from "@effect/vitest";
import { makeRandom } from "@resd/core";
import { BLOCK, type LoopName } from "./loops.ts";
import { allocate } from "./memory.ts";
import type { TailStep } from "./protocol.ts";
import { stagesOf } from "./tail.ts";
import { Team } from "./team.ts";

const random = makeRandom("team");
const filled = (length: number): Float32Array => {
  const array = allocate("f32", length) as Float32Array;
  for (let i = 0; i < length; i++) array[i] = random.next() + 0.5;
  return array;
};
const copied = (array: Float32Array): Float32Array => {
  const copy = allocate("f32", array.length) as Float32Array;
  copy.set(array);
  return copy;
};

const LENGTHS = [3, BLOCK, BLOCK + 1, 5 * BLOCK - 7, 1, 3 * BLOCK];
const HYPER = Float32Array.of(0.01, 0.9, 0.99, 1e-8, 0.1, 0.3, 0.2, 0.5);

/** Runs a loop alone and with three threads on copies of the same arrays. */
const both = (loop: LoopName, calls: ReadonlyArray<ReadonlyArray<Float32Array>>) => {
  const made = new Map(calls.flat().map((array) => [array, copied(array)]));
  const copies = calls.map((call) => call.map((array) => made.get(array)!));
  return {
    alone: { sums: new Team(1).run(loop, calls), arrays: calls },
    shared: { sums: new Team(3).run(loop, copies), arrays: copies },
  };
};

const assertSame = ({ alone, shared }: ReturnType<typeof both>) => {
  alone.arrays.forEach((call, at) =>
    call.forEach((array, position) => {
      const other = shared.arrays[at]![position]!;
      assert.strictEqual(
        array.findIndex((value, i) => value !== other[i]),
        -1,
      );
    }),
  );
};

describe("Team", () => {
  it("run() gives the same bits with one thread and with three", () => {
    const adamw = both(
      "adamw",
      LENGTHS.map((length) => {
        const [p, g, m, v] = Array.from({ length: 4 }, () => filled(length)) as [
          Float32Array,
          Float32Array,
          Float32Array,
          Float32Array,
        ];
        return [p, g, m, v, HYPER, p, m, v];
      }),
    );
    assertSame(adamw);
    const norms = both(
      "sumSquares",
      LENGTHS.map((length) => [filled(length)]),
    );
    assert.deepStrictEqual(norms.shared.sums, norms.alone.sums);
    const lerped = both(
      "lerp",
      LENGTHS.map((length) => [
        filled(length),
        filled(length),
        Float32Array.of(0.25),
        filled(length),
      ]),
    );
    assertSame(lerped);
  });

  it("run() keeps the sums of calls apart, whatever their lengths", () => {
    const calls = LENGTHS.map((length) => [filled(length)]);
    const sums = new Team(2).run("sumSquares", calls);
    calls.forEach(([x], at) => {
      const expected = x!.reduce((sum, value) => sum + value * value, 0);
      assert.approximately(sums[at]!, expected, 1e-9 * expected);
    });
  });

  it("run() may be called again with arrays of earlier calls and with new ones", () => {
    const team = new Team(2);
    const total = filled(8 * BLOCK);
    const before = copied(total);
    for (let round = 0; round < 5; round++) {
      team.run("axpy", [[total, filled(8 * BLOCK).fill(1), Float32Array.of(2), total]]);
    }
    const wrong = total.findIndex((value, i) => Math.abs(value - before[i]! - 10) > 1e-5);
    assert.strictEqual(wrong, -1);
  });
});

const step = (
  op: string,
  inputs: ReadonlyArray<number>,
  outputs: ReadonlyArray<number>,
  inPlace: TailStep["inPlace"] = [],
): TailStep => ({ op, inputs, outputs, attributes: {}, inPlace });

describe("stagesOf()", () => {
  it("runs independent calls of one loop together", () => {
    const steps = [step("sumSquares", [0], [2]), step("sumSquares", [1], [3])];
    assert.deepStrictEqual(stagesOf(steps), [[steps[0]!, steps[1]!]]);
  });

  it("keeps a call apart from one whose result it reads, and from one whose input it overwrites", () => {
    const chain = [step("add", [0, 1], [2]), step("add", [2, 1], [3])];
    assert.lengthOf(stagesOf(chain), 2);
    const overwritten = [step("axpy", [0, 1, 9], [2]), step("axpy", [1, 3, 9], [4], [[0, 0]])];
    assert.lengthOf(stagesOf(overwritten), 2);
    const overwriting = [step("axpy", [0, 1, 9], [2], [[0, 0]]), step("axpy", [3, 0, 9], [4])];
    assert.lengthOf(stagesOf(overwriting), 2);
  });

  it("leaves kernels alone", () => {
    const steps = [step("cacheWrite", [0, 1, 2], [3]), step("cacheWrite", [4, 5, 2], [6])];
    assert.lengthOf(stagesOf(steps), 2);
  });
});
