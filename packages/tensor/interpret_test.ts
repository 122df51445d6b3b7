import { assert, describe, it } from "vitest";
import { uniforms } from "./_finite_differences.ts";
import * as T from "./mod.ts";

const a = T.input("a", [2, 3]);
const b = T.input("b", [3]);
const ids = T.input("ids", [2, 2], "i32");
const inputs = { a: [1, -2, 3, 4, 5, -6], b: [10, 20, 30], ids: [2, 0, 1, 1] };

const run = (
  tensor: T.Tensor,
  data: Readonly<Record<string, ArrayLike<number>>> = inputs,
): ReadonlyArray<number> => [...T.interpret(T.graph({ tensor }), data).tensor!];

const close = (tensor: T.Tensor, expected: ReadonlyArray<number>): void => {
  const values = run(tensor);
  assert.equal(values.length, expected.length);
  expected.forEach((value, index) => assert.closeTo(values[index]!, value, 1e-12));
};

describe("interpret() computes", () => {
  const exact: Readonly<Record<string, readonly [T.Tensor, ReadonlyArray<number>]>> = {
    input: [a, inputs.a],
    constant: [T.constant([1.5, -2], [2]), [1.5, -2]],
    full: [T.full(7, [2], "i32"), [7, 7]],
    neg: [T.neg(b), [-10, -20, -30]],
    abs: [T.abs(a), [1, 2, 3, 4, 5, 6]],
    "add, broadcasting": [T.add(a, b), [11, 18, 33, 14, 25, 24]],
    "sub of a number": [T.sub(b, 1), [9, 19, 29]],
    "sub from a number": [T.sub(1, b), [-9, -19, -29]],
    "mul along rows": [T.mul(a, T.constant([2, 3], [2, 1])), [2, -4, 6, 12, 15, -18]],
    div: [T.div(b, 4), [2.5, 5, 7.5]],
    maximum: [T.maximum(a, 0), [1, 0, 3, 4, 5, 0]],
    minimum: [T.minimum(a, 0), [0, -2, 0, 0, 0, -6]],
    equal: [T.equal(a, 3), [0, 0, 1, 0, 0, 0]],
    less: [T.less(a, 3), [1, 1, 0, 0, 0, 1]],
    lessEqual: [T.lessEqual(a, 3), [1, 1, 1, 0, 0, 1]],
    logicalAnd: [T.logicalAnd(T.less(0, a), T.less(a, 4)), [1, 0, 1, 0, 0, 0]],
    where: [T.where(T.less(a, 0), b, a), [1, 20, 3, 4, 5, 30]],
    "cast to i32": [T.cast(T.constant([1.9, -1.9], [2]), "i32"), [1, -1]],
    "cast to bool": [T.cast(T.constant([0, 0.1, -3], [3]), "bool"), [0, 1, 1]],
    "cast from bool": [T.cast(T.less(a, 0), "f32"), [0, 1, 0, 0, 0, 1]],
    "pow 3": [T.pow(a, 3), [1, -8, 27, 64, 125, -216]],
    "sum of all": [T.sum(a), [5]],
    "sum over rows": [T.sum(a, 0), [5, 3, -3]],
    "sum over columns": [T.sum(a, 1, true), [2, 3]],
    mean: [T.mean(b), [20]],
    "max over rows": [T.max(a, 0), [4, 5, 3]],
    "max over columns": [T.max(a, -1), [3, 5]],
    reshape: [T.reshape(a, [3, 2]), inputs.a],
    transpose: [T.transpose(a), [1, 4, -2, 5, 3, -6]],
    "transpose of three axes": [
      T.transpose(T.reshape(T.constant([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2]), [2, 2, 2]), [2, 0, 1]),
      [0, 2, 4, 6, 1, 3, 5, 7],
    ],
    slice: [T.slice(a, [0, 1], [2, 3]), [-2, 3, 5, -6]],
    sliceAxis: [T.sliceAxis(a, -1, 2, 3), [3, -6]],
    split: [T.split(a, [1, 2], 1)[1]!, [-2, 3, 5, -6]],
    concat: [T.concat([a, T.reshape(b, [1, 3])], 0), [...inputs.a, 10, 20, 30]],
    "concat of columns": [T.concat([a, T.constant([8, 9], [2, 1])], 1), [1, -2, 3, 8, 4, 5, -6, 9]],
    pad: [T.pad(a, [1, 0], [0, 1], 9), [9, 9, 9, 9, 1, -2, 3, 9, 4, 5, -6, 9]],
    broadcastTo: [T.broadcastTo(b, [2, 3]), [10, 20, 30, 10, 20, 30]],
    matMul: [T.matMul(a, T.reshape(b, [3, 1])), [60, -40]],
    "matMul with flags": [
      T.matMul(a, T.constant([1, 0, 0, 1], [2, 2]), { transA: true, transB: true, alpha: 2 }),
      [2, 8, -4, 10, 6, -12],
    ],
    "matMul, one side batched": [
      T.matMul(T.constant([1, 2, 3, 4], [2, 1, 2]), T.constant([1, 1, 0, 1], [2, 2])),
      [1, 3, 3, 7],
    ],
    gatherRows: [
      T.gatherRows(T.constant([1, 2, 3, 4, 5, 6], [3, 2]), ids),
      [5, 6, 1, 2, 3, 4, 3, 4],
    ],
    "scatterAddRows, with duplicates": [
      T.scatterAddRows(T.constant([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]), ids, 4),
      [3, 4, 12, 14, 1, 2, 0, 0],
    ],
    gatherLast: [T.gatherLast(a, ids), [3, 1, 5, 5]],
    "scatterAddLast, with duplicates": [
      T.scatterAddLast(T.constant([1, 2, 3, 4], [2, 2]), ids, 3),
      [2, 0, 1, 0, 7, 0],
    ],
    "topK values": [T.topK(a, 2).values, [3, 1, 5, 4]],
    "topK indices": [T.topK(a, 2).indices, [2, 0, 1, 0]],
    "topK indices of ties": [T.topK(T.constant([1, 2, 2, 1], [4]), 3).indices, [1, 2, 0]],
  };
  for (const [name, [tensor, expected]] of Object.entries(exact)) {
    it(name, () => assert.deepEqual(run(tensor), expected));
  }

  const E = Math.E;
  const approximate: Readonly<Record<string, readonly [T.Tensor, ReadonlyArray<number>]>> = {
    exp: [T.exp(T.constant([0, 1, -1], [3])), [1, E, 1 / E]],
    expm1: [T.expm1(T.full(2 ** -30, [1])), [2 ** -30 + 2 ** -61]],
    log: [T.log(b), [Math.log(10), Math.log(20), Math.log(30)]],
    sqrt: [T.sqrt(T.constant([4, 2], [2])), [2, Math.SQRT2]],
    rsqrt: [T.rsqrt(T.constant([4, 2], [2])), [0.5, Math.SQRT1_2]],
    reciprocal: [T.reciprocal(b), [0.1, 0.05, 1 / 30]],
    sigmoid: [T.sigmoid(T.constant([0, 1, -1000], [3])), [0.5, E / (1 + E), 0]],
    silu: [T.silu(T.constant([0, 1], [2])), [0, E / (1 + E)]],
    tanh: [T.tanh(T.constant([0, 0.5], [2])), [0, (E - 1) / (E + 1)]],
    softmax: [T.softmax(T.log(T.constant([1, 3, 2, 2], [2, 2]))), [0.25, 0.75, 0.5, 0.5]],
    "softmax of great numbers": [T.softmax(T.constant([1000, 1000], [2])), [0.5, 0.5]],
    logSoftmax: [T.logSoftmax(T.log(T.constant([1, 3], [2]))), [Math.log(0.25), Math.log(0.75)]],
    logSumExp: [T.logSumExp(T.constant([1000, 1000], [2])), [1000 + Math.LN2]],
    "logSumExp over rows": [
      T.logSumExp(T.log(T.constant([1, 2, 3, 4], [2, 2])), 0),
      [Math.log(4), Math.log(6)],
    ],
  };
  for (const [name, [tensor, expected]] of Object.entries(approximate)) {
    it(name, () => close(tensor, expected));
  }

  it("scalars and empty axes", () => {
    assert.deepEqual(run(T.add(T.full(1, []), 2)), [3]);
    assert.deepEqual(run(T.sum(T.full(1, [2, 0]), 1)), [0, 0]);
    assert.deepEqual(run(T.matMul(T.full(1, [2, 0]), T.full(1, [0, 1]))), [0, 0]);
    assert.deepEqual(run(T.concat([T.full(1, [0, 2]), T.full(2, [1, 2])], 0)), [2, 2]);
  });

  it("whole numbers as whole numbers", () => {
    const out = T.interpret(T.graph({ sum: T.add(ids, 1), less: T.less(ids, 1) }), inputs);
    assert.instanceOf(out.sum, Int32Array);
    assert.instanceOf(out.less, Int32Array);
    assert.deepEqual([...out.less!], [0, 1, 0, 0]);
  });
});

describe("interpret()", () => {
  it("keeps f64, or rounds every operation to f32", () => {
    const third = T.div(T.input("x", [1]), 3);
    const graph = T.graph({ out: T.mul(third, 3.3) });
    const double = T.interpret(graph, { x: [1] }).out!;
    const single = T.interpret(graph, { x: [1] }, { precision: "f32" }).out!;
    assert.instanceOf(double, Float64Array);
    assert.instanceOf(single, Float32Array);
    assert.equal(double[0], (1 / 3) * 3.3);
    assert.equal(single[0], Math.fround(Math.fround(1 / 3) * Math.fround(3.3)));
  });

  it("rounds f16 tensors to f16 with precision f32", () => {
    const half = T.graph({ out: T.cast(T.input("x", [6]), "f16") });
    const x = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65_519, 65_520, 2 ** -25, -(2 ** -24)];
    assert.deepEqual(
      [...T.interpret(half, { x }, { precision: "f32" }).out!],
      [1, 1 + 2 ** -9, 65_504, Infinity, 0, -(2 ** -24)],
    );
  });

  it("gives each output its own array", () => {
    const graph = T.graph({ x: a, again: a });
    const given = Float64Array.from(inputs.a);
    const out = T.interpret(graph, { a: given });
    out.x![0] = 99;
    assert.equal(out.again![0], 1);
    assert.equal(given[0], 1);
  });

  it("names an input that is missing, misshapen or not whole", () => {
    const graph = T.graph({ out: T.gatherRows(T.reshape(b, [3, 1]), ids) }, { name: "lookup" });
    assert.throws(
      () => T.interpret(graph, { b: [1, 2, 3], a: [] }),
      'interpret: Expected input "ids" i32[2,2] for graph lookup, got b, a; pass an array under that name',
    );
    assert.throws(
      () => T.interpret(graph, { b: [1, 2], ids: [0, 0, 0, 0] }),
      'Expected 3 values for input "b" f32[3] of graph lookup, got 2; check the shape',
    );
    assert.throws(
      () => T.interpret(graph, { b: [1, 2, 3], ids: [0, 0.5, 0, 0] }),
      'Expected whole 32-bit numbers for input "ids" i32[2,2] of graph lookup, got 0.5, at 1',
    );
    const flags = T.graph({ out: T.cast(T.input("flags", [1], "bool"), "f32") });
    assert.throws(() => T.interpret(flags, { flags: [2] }), /Expected 0 or 1 for input "flags"/);
  });

  it("refuses ids outside their axis", () => {
    const table = T.full(0, [2, 1]);
    for (const bad of [-1, 2]) {
      const data = { ids: [0, 1, bad, 0] };
      const message = `Expected ids from 0 to 1, got ${bad}, at position 2`;
      assert.throws(() => run(T.gatherRows(table, ids), data), `gatherRows: ${message}`);
      assert.throws(() => run(T.gatherLast(T.full(0, [2, 2]), ids), data), message);
      assert.throws(() => run(T.scatterAddLast(T.full(0, [2, 2]), ids, 2), data), message);
      assert.throws(() => run(T.scatterAddRows(T.full(0, [2, 2, 1]), ids, 2), data), message);
    }
  });

  it("agrees with itself: matMul by flags is matMul of transposes, over random shapes", () => {
    const random = uniforms(5);
    for (let round = 0; round < 20; round++) {
      const [B, M, K, N] = Array.from({ length: 4 }, () => 1 + Math.floor(random() * 4)) as [
        number,
        number,
        number,
        number,
      ];
      const p = T.input("p", [B, K, M]);
      const r = T.input("r", [N, K]);
      const flagged = T.matMul(p, r, { transA: true, transB: true });
      const plain = T.matMul(T.transpose(p), T.transpose(r));
      const data = {
        p: Array.from({ length: B * K * M }, random),
        r: Array.from({ length: N * K }, random),
      };
      assert.deepEqual(run(flagged, data), run(plain, data));
    }
  });
});
