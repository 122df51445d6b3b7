import { assert, describe, it } from "vitest";
import * as T from "./mod.ts";

const f32 = (...shape: ReadonlyArray<number>): T.Tensor => T.input("f32", shape);
const i32 = (...shape: ReadonlyArray<number>): T.Tensor => T.input("i32", shape, "i32");
const bool = (...shape: ReadonlyArray<number>): T.Tensor => T.input("bool", shape, "bool");

describe("OPS", () => {
  it("has one documented row for every operation, each with a constructor or a wrapper of its name", () => {
    for (const [op, { doc, kind }] of Object.entries(T.OPS)) {
      assert.isNotEmpty(doc, op);
      assert.include(["core", "primitive", "native", "wrapper"], kind, op);
      assert.isFunction((T as Readonly<Record<string, unknown>>)[op], op);
    }
  });

  it("has a composite for every primitive and for nothing else", () => {
    const [a, rate] = [f32(2), f32(1)];
    const [heads, one] = [f32(1, 2, 3, 4), f32(1, 2, 1, 4)];
    const attended = T.attentionGradient(
      {
        q: heads,
        k: heads,
        v: heads,
        mask: undefined,
        out: heads,
        rows: f32(1, 2, 3, 2),
        g: heads,
      },
      { scale: 1, causal: true },
    );
    const pass = { q: heads, k: one, v: one, keys: heads, values: heads, mask: f32(1, 1, 1, 3) };
    const nodes: Readonly<Record<string, T.Node>> = {
      rope: T.rope(f32(1, 1, 2, 4), f32(2, 2), f32(2, 2)).node,
      rmsNorm: T.rmsNorm(a, a, 1e-5).node,
      rmsNormGradient: T.rmsNormGradient(a, a, a, 1e-5).dx.node,
      attention: T.attention(f32(1, 2, 3, 4), f32(1, 1, 3, 4), f32(1, 1, 3, 4)).node,
      attentionGradient: attended.dq.node,
      cachedAttention: T.cachedAttention(pass, 1).node,
      adamw: T.adamw(a, a, a, a, f32(8)).p.node,
      lerp: T.lerp(a, a, rate).node,
      axpy: T.axpy(a, a, rate).node,
      sumSquares: T.sumSquares(a).node,
    };
    const primitives = Object.entries(T.OPS).filter(([, { kind }]) => kind === "primitive");
    assert.sameMembers(
      Object.keys(nodes),
      primitives.map(([op]) => op),
    );
    for (const [op, node] of Object.entries(nodes)) {
      const types = T.decompose(node).map(({ shape, dtype }) => ({ shape, dtype }));
      assert.deepEqual(types, [...node.outputs], op);
    }
    assert.throws(
      () => T.decompose(T.exp(a).node),
      /decompose: Expected one of the primitives rope, .*, got exp; a backend runs/,
    );
  });
});

describe("constructors", () => {
  it("infer shapes and dtypes", () => {
    const types: ReadonlyArray<readonly [T.Tensor, T.Shape, T.DType]> = [
      [T.input("x", [2]), [2], "f32"],
      [T.constant([1, 0], [2], "bool"), [2], "bool"],
      [T.full(1, [2, 0], "f16"), [2, 0], "f16"],
      [T.add(f32(2, 1, 3), f32(4, 1)), [2, 4, 3], "f32"],
      [T.add(i32(2), 1), [2], "i32"],
      [T.sub(1, 2), [], "f32"],
      [T.less(i32(2, 1), i32(3)), [2, 3], "bool"],
      [T.where(bool(3, 1), f32(2), 0), [3, 2], "f32"],
      [T.sum(f32(2, 3, 4), [-1, 0]), [3], "f32"],
      [T.sum(f32(2, 3, 4), [0, -1], true), [1, 3, 1], "f32"],
      [T.max(i32(2, 3)), [], "i32"],
      [T.logSumExp(f32(2, 3, 4), 1), [2, 4], "f32"],
      [T.reshape(f32(2, 6), [3, -1]), [3, 4], "f32"],
      [T.transpose(f32(2, 3, 4)), [2, 4, 3], "f32"],
      [T.concat([i32(2, 1), i32(2, 3)], -1), [2, 4], "i32"],
      [T.matMul(f32(5, 1, 2, 3), f32(4, 7, 3), { transB: true }), [5, 4, 2, 7], "f32"],
      [T.gatherRows(f32(9, 4), i32(2, 3)), [2, 3, 4], "f32"],
      [T.scatterAddRows(f32(2, 3, 4), i32(2, 3), 9), [9, 4], "f32"],
      [T.gatherLast(f32(2, 9), i32(2, 3)), [2, 3], "f32"],
      [T.scatterAddLast(f32(2, 3), i32(2, 3), 9), [2, 9], "f32"],
      [T.topK(f32(2, 9), 3).indices, [2, 3], "i32"],
      [T.attention(f32(2, 4, 3, 8), f32(2, 2, 5, 8), f32(2, 2, 5, 6)), [2, 4, 3, 6], "f32"],
      [T.sumSquares(f32(2, 3)), [1], "f32"],
      [T.sample(f32(2, 9), f32(2), f32(2), f32(2)).ids, [2], "i32"],
    ];
    for (const [tensor, shape, dtype] of types) {
      assert.deepEqual([tensor.shape, tensor.dtype], [shape, dtype], tensor.node.op);
    }
  });

  const q = f32(2, 4, 3, 8);
  const k = f32(2, 2, 5, 8);
  const wrong: Readonly<Record<string, readonly [() => unknown, string]>> = {
    input: [() => f32(2, -1), "[2,-1]"],
    full: [() => T.full(0, [1.5]), "[1.5]"],
    add: [() => T.add(f32(2, 3), f32(4)), "[2,3] and [4]"],
    less: [() => T.less(f32(2, 3), f32(2)), "[2,3] and [2]"],
    logicalAnd: [() => T.logicalAnd(bool(2), bool(3)), "[2] and [3]"],
    where: [() => T.where(bool(2), f32(3), 0), "[2] and [3] and []"],
    max: [() => T.max(f32(2, 0), 1), "[2,0]"],
    reshape: [() => T.reshape(f32(2, 3), [4]), "[2,3] and [4]"],
    transpose: [() => T.transpose(f32(2, 3), [0, 0]), "[2,3]"],
    slice: [() => T.slice(f32(2, 3), [0, 0], [2, 4]), "[2,3]"],
    "slice, backwards": [() => T.slice(f32(3), [2], [1]), "[3]"],
    concat: [() => T.concat([f32(2, 3), f32(3, 3)], 1), "[2,3] and [3,3]"],
    "concat of nothing": [() => T.concat([], 0), "none"],
    pad: [() => T.pad(f32(2), [-1], [0]), "[2]"],
    broadcastTo: [() => T.broadcastTo(f32(2, 3), [3]), "[2,3] and [3]"],
    matMul: [() => T.matMul(f32(4, 8), f32(7, 3)), "[4,8] and [7,3]"],
    "matMul, transposed": [
      () => T.matMul(f32(4, 8), f32(4, 3), { transB: true }),
      "[4,8] and [4,3]",
    ],
    "matMul of a vector": [() => T.matMul(f32(4), f32(4, 3)), "[4] and [4,3]"],
    "matMul, batched": [() => T.matMul(f32(2, 4, 8), f32(3, 8, 4)), "[2,4,8] and [3,8,4]"],
    softmax: [() => T.softmax(f32()), "[]"],
    logSoftmax: [() => T.logSoftmax(f32()), "[]"],
    gatherRows: [() => T.gatherRows(f32(4), i32(2)), "[4] and [2]"],
    scatterAddRows: [() => T.scatterAddRows(f32(3, 4), i32(2), 5), "[3,4] and [2]"],
    gatherLast: [() => T.gatherLast(f32(3, 4), i32(2, 4)), "[3,4] and [2,4]"],
    scatterAddLast: [() => T.scatterAddLast(f32(3, 4), i32(3, 2), 5), "[3,4] and [3,2]"],
    topK: [() => T.topK(f32(3, 4), 5), "[3,4]"],
    rope: [() => T.rope(q, f32(3, 8), f32(3, 4)), "[2,4,3,8] and [3,8] and [3,4]"],
    rmsNorm: [() => T.rmsNorm(q, f32(4), 1e-5), "[2,4,3,8] and [4]"],
    attention: [() => T.attention(q, f32(2, 3, 5, 8), k), "[2,4,3,8] and [2,3,5,8] and [2,2,5,8]"],
    "attention, causal": [
      () => T.attention(f32(2, 2, 6, 8), k, k, undefined, { causal: true }),
      "[2,2,6,8] and [2,2,5,8] and [2,2,5,8]",
    ],
    "attention, masked": [
      () => T.attention(q, k, k, f32(2, 4, 3, 5)),
      "[2,4,3,8] and [2,2,5,8] and [2,2,5,8] and [2,4,3,5]",
    ],
    rmsNormGradient: [
      () => T.rmsNormGradient(q, f32(8), f32(2), 1e-5),
      "[2,4,3,8] and [8] and [2]",
    ],
    attentionGradient: [
      () =>
        T.attentionGradient(
          { q, k, v: k, mask: undefined, out: q, rows: q, g: q },
          { scale: 1, causal: false },
        ),
      "[2,4,3,8] and [2,2,5,8] and [2,2,5,8] and [2,4,3,8] and [2,4,3,8] and [2,4,3,8]",
    ],
    cachedAttention: [
      () => T.cachedAttention({ q, k, v: k, keys: k, values: k, mask: f32(2, 5) }, 1),
      "[2,4,3,8] and [2,2,5,8] and [2,2,5,8] and [2,2,5,8] and [2,2,5,8] and [2,5]",
    ],
    adamw: [
      () => T.adamw(f32(2), f32(2), f32(2), f32(3), f32(8)),
      "[2] and [2] and [2] and [3] and [8]",
    ],
    lerp: [() => T.lerp(f32(2), f32(1), f32(1)), "[2] and [1] and [1]"],
    axpy: [() => T.axpy(f32(2), f32(2), f32()), "[2] and [2] and []"],
    cacheWrite: [
      () => T.cacheWrite(f32(1, 2, 4, 8), f32(1, 2, 5, 8), i32(1)),
      "[1,2,4,8] and [1,2,5,8] and [1]",
    ],
    sample: [() => T.sample(f32(2, 9), f32(2), f32(1), f32(2)), "[2,9] and [2] and [1] and [2]"],
    "sample, topK": [
      () => T.sample(f32(1, 9), f32(1), f32(1), f32(1), { topK: -1 }),
      "[1,9] and [1] and [1] and [1]",
    ],
  };
  for (const [name, [make, shapes]] of Object.entries(wrong)) {
    it(`${name} names the operation and the shapes it cannot take`, () => {
      try {
        make();
      } catch (error) {
        assert.instanceOf(error, T.ShapeError);
        const { op, message } = error as T.ShapeError;
        assert.equal(op, name.split(/,| of /)[0]);
        assert.include(message, `, got ${shapes}; `);
        assert.match(message, new RegExp(`^${op}: Expected .+, got .+; .+`));
        return;
      }
      assert.fail("Expected a ShapeError, got a tensor");
    });
  }

  it("say the whole rule", () => {
    assert.throws(
      () => T.matMul(f32(4, 8), f32(7, 3)),
      "matMul: Expected inner dimensions to be equal, got [4,8] and [7,3]; check the order of the operands, transA and transB",
    );
  });

  const mixed: Readonly<Record<string, () => unknown>> = {
    add: () => T.add(f32(2), i32(2)),
    "add of bool": () => T.add(bool(2), bool(2)),
    div: () => T.div(i32(2), i32(2)),
    exp: () => T.exp(i32(2)),
    neg: () => T.neg(bool(2)),
    less: () => T.less(f32(2), i32(2)),
    logicalAnd: () => T.logicalAnd(bool(2), i32(2)),
    where: () => T.where(f32(2), f32(2), f32(2)),
    sum: () => T.sum(bool(2)),
    concat: () => T.concat([f32(2), i32(2)], 0),
    matMul: () => T.matMul(i32(2, 2), i32(2, 2)),
    gatherRows: () => T.gatherRows(f32(2, 2), f32(2)),
    gatherLast: () => T.gatherLast(f32(2, 2), f32(2, 2)),
    topK: () => T.topK(bool(2), 1),
    rmsNorm: () => T.rmsNorm(f32(2), T.input("half", [2], "f16"), 1e-5),
    cacheWrite: () => T.cacheWrite(f32(1, 1, 2, 2), f32(1, 1, 1, 2), f32(1)),
    sample: () => T.sample(i32(1, 2), f32(1), f32(1), f32(1)),
  };
  for (const [name, make] of Object.entries(mixed)) {
    it(`${name} refuses dtypes it cannot take, and says to cast`, () => {
      assert.throws(make, T.TensorError, /^\w+: Expected .+, got .+; convert with cast/);
    });
  }

  it("refuse axes that are not there, data of another length, and an input without a name", () => {
    assert.throws(() => T.sum(f32(2, 3), 2), "sum: Expected an axis of 2 axes, got 2; use 0 to 1");
    assert.throws(() => T.concat([f32(2)], -2), /^concat: Expected an axis/);
    assert.throws(
      () => T.constant([1, 2, 3], [2, 2]),
      "constant: Expected 4 values for [2,2], got 3; check the shape",
    );
    assert.throws(() => T.input("", [1]), /Expected a name/);
    assert.throws(
      () => T.split(f32(2, 5), [2, 2], 1),
      "split: Expected sizes that add up to 5, got [2,2] at axis 1; cover the axis",
    );
  });
});
