import { Compute, makeRandom } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { graph, input, interpret, mul, scatterAddLast, sub, type Tensor } from "@resd/tensor";
import { Effect } from "effect";
import { layer } from "../mod.ts";

const floats = (name: string, length: number): Float32Array => {
  const random = makeRandom("indexing", name);
  return Float32Array.from({ length }, () => random.normal());
};

describe("scatterIntoRule()", () => {
  const values = input("values", [3, 1]);
  const ids = input("ids", [3, 1], "i32");
  const p = input("p", [3, 5]);
  const data = {
    values: floats("values", 3),
    ids: Int32Array.of(4, 0, 4),
    p: floats("p", 15).fill(0, 0, 2),
  };
  const differences: Readonly<Record<string, Tensor>> = {
    "of a product with a number a row": mul(p, values),
    "of a product with a number a column": mul(p, input("columns", [5])),
    "of any array": p,
  };
  for (const [what, x] of Object.entries(differences)) {
    it.live(`gives the difference ${what}, to the last bit`, () =>
      Effect.gen(function* () {
        const compute = yield* Compute;
        const difference = graph({ y: sub(scatterAddLast(values, ids, 5), x) });
        const program = yield* compute.compile(difference);
        const names = new Set(difference.inputs.map(({ name }) => name));
        const all = { ...data, columns: floats("columns", 5) };
        const fed = Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)));
        const { values: found } = yield* program.run(fed, { read: ["y"] });
        const whole = yield* compute.compile(graph({ x }));
        const { values: subtracted } = yield* whole.run(
          Object.fromEntries(
            Object.entries(fed).filter(([name]) => /^(p|values|columns)$/.test(name)),
          ),
          { read: ["x"] },
        );
        const expected = Float32Array.from(subtracted["x"]!, (one, i) => {
          const row = Math.floor(i / 5);
          return (data.ids[row] === i % 5 ? data.values[row]! : 0) - one;
        });
        // Neither sees the sign of a zero, which is the only difference.
        assert.deepStrictEqual(
          Array.from(found["y"]!, (one) => one + 0),
          Array.from(expected, (one) => one + 0),
        );
        const oracle = interpret(difference, fed)["y"]!;
        for (const [i, one] of expected.entries()) assert.approximately(one, oracle[i]!, 1e-6);
      }).pipe(Effect.provide(layer({ threads: 1 }))),
    );
  }
});
