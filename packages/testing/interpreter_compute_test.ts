import { Compute, type ComputeError } from "@resd/core";
import { add, cast, exp, graph, input, mul } from "@resd/tensor";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { interpreterCompute, makeInterpreterCompute } from "./interpreter_compute.ts";

const x = input("x", [2]);
const sumGraph = graph({ sum: add(x, input("y", [2])), double: mul(x, 2) }, { name: "sums" });
const messageOf = <A>(effect: Effect.Effect<A, ComputeError>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message);

describe("interpreterCompute", () => {
  it.effect(
    "interpreterCompute runs programs on handles and host data, and reads what is asked for",
    () =>
      Effect.gen(function* () {
        const compute = yield* Compute;
        const program = yield* compute.compile(sumGraph);
        const handle = yield* compute.put(Float32Array.of(1, 2), [2]);
        const { arrays, values } = yield* program.run(
          { x: handle, y: Float32Array.of(10, 20) },
          { read: ["double"] },
        );
        assert.deepStrictEqual(values, { double: Float32Array.of(2, 4) });
        assert.deepStrictEqual(Object.keys(arrays), ["sum"]);
        assert.deepStrictEqual(yield* compute.get(arrays["sum"]!), Float32Array.of(11, 22));
      }).pipe(Effect.provide(interpreterCompute)),
  );

  it.effect("put() copies, and get() gives every dtype back", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const all = [
        Float32Array.of(0.1, -2),
        Int32Array.of(-7, 2 ** 31 - 1),
        Uint8Array.of(0, 1),
        Uint16Array.of(0x3c00, 0x0001),
      ];
      for (const data of all) {
        const array = yield* compute.put(data, [2]);
        const before = data.slice();
        data.fill(0);
        assert.deepStrictEqual(yield* compute.get(array), before);
      }
    }),
  );

  it.effect("run() keeps f64 between programs, and rounds each operation in f32 when asked", () =>
    Effect.gen(function* () {
      const power = graph({ y: exp(input("x", [1])) });
      const twice = (compute: ReturnType<typeof makeInterpreterCompute>) =>
        Effect.gen(function* () {
          const program = yield* compute.compile(power);
          const first = yield* program.run({ x: Float32Array.of(0.1) });
          const second = yield* program.run({ x: first.arrays["y"]! }, { read: ["y"] });
          return second.values["y"]![0]!;
        });
      const start = Math.fround(0.1);
      assert.strictEqual(
        yield* twice(makeInterpreterCompute()),
        Math.fround(Math.exp(Math.exp(start))),
      );
      const single = Math.fround(Math.exp(Math.fround(Math.exp(start))));
      assert.strictEqual(yield* twice(makeInterpreterCompute({ precision: "f32" })), single);
    }),
  );

  it.effect("run() spends donated handles, and says to which program", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const program = yield* compute.compile(sumGraph, { donate: ["x"] });
      const a = yield* compute.put(Float32Array.of(1, 2), [2]);
      const b = yield* compute.put(Float32Array.of(3, 4), [2]);
      assert.include(yield* messageOf(program.run({ x: a, y: a })), "array under one name");
      yield* program.run({ x: a, y: b });
      assert.include(yield* messageOf(program.run({ x: a, y: b })), "was donated to sums");
      assert.include(yield* messageOf(compute.get(a)), "was donated to sums");
      assert.deepStrictEqual(yield* compute.get(b), Float32Array.of(3, 4));
    }),
  );

  it.effect("run() that fails spends nothing", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const program = yield* compute.compile(sumGraph, { donate: ["x"] });
      const a = yield* compute.put(Float32Array.of(1, 2), [2]);
      assert.include(yield* messageOf(program.run({ x: a })), "got nothing, at input y of sums");
      assert.deepStrictEqual(yield* compute.get(a), Float32Array.of(1, 2));
    }),
  );

  it.effect("release() makes a handle unusable and gives its memory back", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const a = yield* compute.put(Float32Array.of(1), [1]);
      assert.strictEqual(compute.liveArrays(), 1);
      yield* compute.release([a]);
      assert.strictEqual(compute.liveArrays(), 0);
      assert.include(yield* messageOf(compute.get(a)), "which was released, at get");
      assert.include(yield* messageOf(compute.release([a])), "which was released, at release");
    }),
  );

  it.effect("wrong shapes, dtypes, names and handles are refused with what was expected", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const program = yield* compute.compile(sumGraph);
      const y = Float32Array.of(1, 2);
      const row = yield* compute.put(y, [1, 2]);
      assert.include(
        yield* messageOf(program.run({ x: row, y })),
        "f32 [2], got f32 [1, 2], at input x",
      );
      const whole = Int32Array.of(1, 2);
      assert.include(yield* messageOf(program.run({ x: whole, y })), "got i32 [2], at input x");
      assert.include(
        yield* messageOf(program.run({ x: y, y }, { read: ["z"] })),
        "sum, double to read, got z",
      );
      assert.include(yield* messageOf(compute.put(y, [3])), "Expected 3 values for f32 [3], got 2");
      assert.include(yield* messageOf(compute.put(y, [2], "i32")), "Expected host data of i32");
      assert.include(
        yield* messageOf(compute.compile(sumGraph, { donate: ["w"] })),
        "among x, y, got w",
      );
      const foreign = yield* makeInterpreterCompute().put(y, [2]);
      assert.include(yield* messageOf(compute.get(foreign)), "Expected a handle of this backend");
    }),
  );

  it.effect("what the interpreter throws becomes a ComputeError", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const program = yield* compute.compile(
        graph({ y: cast(input("flag", [1], "bool"), "f32") }, { name: "flags" }),
      );
      const error = yield* Effect.flip(program.run({ flag: Uint8Array.of(7) }));
      assert.strictEqual(error.op, "flags");
      assert.include(error.message, "0 or 1");
    }),
  );
});
