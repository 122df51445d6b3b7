import { assert, describe, it } from "@effect/vitest";
import { Compute, type HostArray, makeRandom } from "@resd/core";
import {
  add,
  adamw,
  cacheWrite,
  constant,
  graph,
  gatherRows,
  input,
  interpret,
  matMul,
  mul,
  reshape,
  rope,
  sample,
  scatterAddRows,
  sliceAxis,
  sum,
  sumSquares,
} from "@resd/tensor";
import { Effect } from "effect";
import { layer } from "./mod.ts";

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5) => {
  assert.strictEqual(a.length, b.length);
  for (let i = 0; i < a.length; i++) {
    assert.isBelow(Math.abs(a[i]! - b[i]!), tolerance * (1 + Math.abs(b[i]!)), `at ${i}`);
  }
};

const floats = (name: string, length: number): Float32Array => {
  const random = makeRandom("compute-onnx", name);
  return Float32Array.from({ length }, () => random.normal());
};

describe("layer()", () => {
  it.live("runs a graph in the session", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const x = input("x", [2, 3]);
      const w = input("w", [4, 3]);
      const program = yield* compute.compile(graph({ y: matMul(x, w, { transB: true }) }));
      const a = floats("a", 6);
      const b = floats("b", 12);
      const { values } = yield* program.run({ x: a, w: b }, { read: ["y"] });
      const expected = Array.from({ length: 8 }, (_, i) =>
        [0, 1, 2].reduce((s, k) => s + a[Math.floor(i / 4) * 3 + k]! * b[(i % 4) * 3 + k]!, 0),
      );
      close(values.y!, expected);
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("multiplies few rows by large matrices of their own, with a factor and without", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      for (const rows of [1, 2]) {
        const q = input("q", [2, 3, rows, 32]);
        const keys = input("keys", [2, 3, 256, 32]);
        const scores = matMul(q, keys, { transB: true, alpha: 0.25 });
        const program = yield* compute.compile(graph({ scores, mixed: matMul(scores, keys) }));
        const data = { q: floats("q", 2 * 3 * rows * 32), keys: floats("keys", 2 * 3 * 256 * 32) };
        const { values } = yield* program.run(data, { read: ["scores", "mixed"] });
        const expected = interpret(graph({ scores, mixed: matMul(scores, keys) }), data);
        close(values.scores!, expected.scores!);
        close(values.mixed!, expected.mixed!, 1e-4);
      }
    }).pipe(Effect.provide(layer({ threads: 2 }))),
  );

  it.live("adds rows of one id without losing any, whatever the threads", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const rows = input("rows", [4096, 8]);
      const ids = input("ids", [4096], "i32");
      // The second use keeps the scatter inside the session, where a parallel kernel could race.
      const table = scatterAddRows(rows, ids, 3);
      const program = yield* compute.compile(
        graph({ total: sum(mul(table, table), [0, 1], false) }),
      );
      const data = floats("rows", 4096 * 8);
      const where = Int32Array.from({ length: 4096 }, (_, i) => i % 3);
      const sums = new Float64Array(24);
      data.forEach((value, i) => {
        sums[where[Math.floor(i / 8)]! * 8 + (i % 8)]! += value;
      });
      const expected = sums.reduce((s, value) => s + value * value, 0);
      for (let repeat = 0; repeat < 50; repeat++) {
        const { values } = yield* program.run({ rows: data, ids: where }, { read: ["total"] });
        close(values.total!, [expected], 1e-4);
      }
    }).pipe(Effect.provide(layer({ threads: 2 }))),
  );

  it.live("updates donated arrays in place and refuses their old handles", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const names = ["p", "g", "m", "v"] as const;
      const [p, g, m, v] = names.map((name) => input(name, [5]));
      const program = yield* compute.compile(
        graph({ ...adamw(p!, g!, m!, v!, input("hyper", [8])) }),
        { donate: ["p", "m", "v"] },
      );
      const put = (data: HostArray) => compute.put(data, [5]);
      const start = floats("p", 5);
      const handle = yield* put(start);
      const { arrays } = yield* program.run({
        p: handle,
        g: new Float32Array(5).fill(1),
        m: yield* put(new Float32Array(5)),
        v: yield* put(new Float32Array(5)),
        hyper: new Float32Array([0.1, 0.9, 0.99, 1e-8, 0, 0.1, 0.01, 1]),
      });
      close(
        (yield* compute.get(arrays.p!)) as Float32Array,
        start.map((value) => value - 0.1),
      );
      const error = yield* Effect.flip(compute.get(handle));
      assert.include(error.message, "released or donated");
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("leaves arrays alone that were not donated", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(
        graph({
          out: cacheWrite(
            input("cache", [1, 1, 4, 2]),
            input("rows", [1, 1, 1, 2]),
            input("positions", [1], "i32"),
          ),
        }),
      );
      const cache = yield* compute.put(new Float32Array(8), [1, 1, 4, 2]);
      const { values } = yield* program.run(
        { cache, rows: new Float32Array([5, 6]), positions: new Int32Array([2]) },
        { read: ["out"] },
      );
      close(values.out!, [0, 0, 0, 0, 5, 6, 0, 0]);
      close((yield* compute.get(cache)) as Float32Array, new Float32Array(8));
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("rebuilds a program when a constant input is replaced", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(
        graph({ y: matMul(input("x", [1, 2]), input("w", [2, 2])) }),
        { constant: ["w"] },
      );
      const one = yield* compute.put(new Float32Array([1, 0, 0, 1]), [2, 2]);
      const two = yield* compute.put(new Float32Array([2, 0, 0, 2]), [2, 2]);
      const x = new Float32Array([3, 4]);
      for (const [w, factor] of [
        [one, 1],
        [two, 2],
        [one, 1],
      ] as const) {
        const { values } = yield* program.run({ x, w }, { read: ["y"] });
        close(values.y!, [3 * factor, 4 * factor]);
      }
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("looks rows up in the constant that it multiplies by, also when it is replaced", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const w = input("w", [3, 2]);
      const rows = gatherRows(w, input("ids", [2], "i32"));
      const tied = graph({ y: matMul(rows, w, { transB: true }) });
      const program = yield* compute.compile(tied, { constant: ["w"] });
      const ids = Int32Array.of(2, 0);
      for (const data of [floats("one", 6), floats("two", 6)]) {
        const { values } = yield* program.run(
          { ids, w: yield* compute.put(data, [3, 2]) },
          { read: ["y"] },
        );
        close(values.y!, interpret(tied, { ids, w: data }).y!);
      }
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("adds the embedding gradient into the head's, in one pass", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const rows = input("rows", [3, 2]);
      const ids = input("ids", [3], "i32");
      const x = input("x", [4, 2]);
      const dense = mul(x, x);
      const program = yield* compute.compile(
        graph({ g: add(dense, scatterAddRows(rows, ids, 4)), norm: sumSquares(dense) }),
      );
      const { values } = yield* program.run(
        {
          rows: new Float32Array([1, 2, 3, 4, 5, 6]),
          ids: new Int32Array([1, 1, 3]),
          x: new Float32Array([1, 1, 2, 2, 3, 3, 4, 4]),
        },
        { read: ["g", "norm"] },
      );
      close(values.g!, [1, 1, 8, 10, 9, 9, 21, 22]);
      close(values.norm!, [2 * (1 + 16 + 81 + 256)]);
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("samples by inverse CDF and rotates by table", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const drawn = sample(
        input("logits", [2, 3]),
        input("u", [2]),
        input("t", [2]),
        input("topP", [2]),
      );
      const turned = rope(
        input("x", [1, 1, 2, 4]),
        constant([1, 1, 0, 0], [2, 2]),
        constant([0, 0, 1, 1], [2, 2]),
      );
      const program = yield* compute.compile(graph({ ...drawn, turned }));
      const { values } = yield* program.run(
        {
          logits: new Float32Array([0, 0, 0, 0, 5, 1]),
          u: new Float32Array([0.5, 0.99]),
          t: new Float32Array([1, 0]),
          topP: new Float32Array([1, 1]),
          x: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]),
        },
        { read: ["ids", "logProbs", "turned"] },
      );
      assert.deepStrictEqual([...values.ids!], [1, 1]);
      close(values.logProbs!, [-Math.log(3), 5 - Math.log(1 + Math.exp(5) + Math.exp(1))]);
      close(values.turned!, [1, 2, 3, 4, -7, -8, 5, 6]);
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("rotates one token a row by the tables' rows of their positions", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const positions = input("positions", [3], "i32");
      const angles = (name: string) =>
        reshape(gatherRows(constant(floats(name, 5 * 4), [5, 4]), positions), [3, 1, 1, 4]);
      const turned = rope(input("x", [3, 2, 1, 8]), angles("cos"), angles("sin"));
      const data = { x: floats("x", 48), positions: Int32Array.of(4, 0, 2) };
      const program = yield* compute.compile(graph({ turned }));
      const { values } = yield* program.run(data, { read: ["turned"] });
      close(values.turned!, interpret(graph({ turned }), data).turned!);
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("gives outputs that are one value each an array of their own", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const x = input("x", [3]);
      const y = mul(x, x);
      const same = { a: y, b: sliceAxis(y, 0, 0, 3), c: reshape(y, [3, 1]), d: sum(y, [], true) };
      const program = yield* compute.compile(graph(same));
      const { arrays } = yield* program.run({ x: Float32Array.of(1, 2, 3) });
      for (const name of Object.keys(same)) {
        close((yield* compute.get(arrays[name]!)) as Float32Array, [1, 4, 9]);
      }
      assert.strictEqual(new Set(Object.values(arrays).map(({ id }) => id)).size, 4);
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );

  it.live("names the input that is missing or has another size", () =>
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(
        graph({ y: gatherRows(input("table", [4, 2]), input("ids", [1], "i32")) }),
      );
      const ids = new Int32Array([1]);
      const missing = yield* Effect.flip(program.run({ ids }));
      assert.include(missing.message, "Expected input table [4, 2], got none");
      const short = yield* Effect.flip(program.run({ ids, table: new Float32Array(3) }));
      assert.include(short.message, "Expected 8 values for input table [4, 2], got 3");
    }).pipe(Effect.provide(layer({ threads: 1 }))),
  );
});
