import { assert, describe, it } from "@effect/vitest";
import { Compute } from "@resd/core";
import { exp, graph, input, matMul } from "@resd/tensor";
import { Effect } from "effect";
import { layer } from "./mod.ts";
import { type Resting, SessionCache } from "./session_cache.ts";

const resting = (held: number) => {
  const one = { held, closed: 0, close: async () => void (one.closed += 1) };
  return one satisfies Resting;
};

describe("SessionCache", () => {
  it("closes what was used least recently, until the rest fits", async () => {
    const cache = new SessionCache(10);
    const [a, b, c] = [resting(4), resting(4), resting(4)];
    for (const one of [a, b, a, c]) await cache.touch(one);
    assert.deepEqual([a.closed, b.closed, c.closed], [0, 1, 0]);
    assert.strictEqual(cache.held, 8);
    await cache.touch(b);
    assert.deepEqual([a.closed, b.closed, c.closed], [1, 1, 0]);
  });

  it("never closes what has just been used, however large it is", async () => {
    const cache = new SessionCache(10);
    const [small, large] = [resting(1), resting(100)];
    await cache.touch(small);
    await cache.touch(large);
    assert.deepEqual([small.closed, large.closed], [1, 0]);
    await cache.touch(small);
    assert.deepEqual([small.closed, large.closed], [1, 1]);
    assert.strictEqual(cache.held, 1);
  });
});

describe("layer()", () => {
  it.live("gives the same results when every session is closed after its run", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const programs = [];
      for (const size of [2, 3]) {
        const product = matMul(input("x", [size, 4]), input("w", [4, 4]));
        programs.push(
          yield* compute.compile(graph({ y: exp(product) }), { constant: ["w"] }),
          yield* compute.compile(graph({ y: product })),
        );
      }
      const w = yield* compute.put(
        Float32Array.from({ length: 16 }, (_, i) => i / 16),
        [4, 4],
      );
      const results = [];
      for (const name of ["first", "again"]) {
        const outputs: Array<ReadonlyArray<number>> = [];
        for (const [i, program] of programs.entries()) {
          const x = Float32Array.from({ length: i < 2 ? 8 : 12 }, (_, at) => at - 4);
          const { values } = yield* program.run({ x, w }, { read: ["y"] });
          outputs.push([...(values["y"] as Float32Array)]);
        }
        results.push({ name, values: outputs });
      }
      assert.deepEqual(results[1]!.values, results[0]!.values);
      assert.approximately(results[0]!.values[0]![0]!, Math.exp(results[0]!.values[1]![0]!), 1e-4);
    }).pipe(Effect.provide(layer({ threads: 1, sessionBytes: 0 }))),
  );
});
