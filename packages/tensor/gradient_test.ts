import { assert, describe, it } from "vitest";
import { uniforms, worstDifference, type DifferenceOptions } from "./_finite_differences.ts";
import * as T from "./mod.ts";

type Inputs = Readonly<Record<string, T.Tensor>>;

const agrees = (
  shapes: Readonly<Record<string, T.Shape>>,
  build: (inputs: Inputs) => T.Tensor,
  options: DifferenceOptions = {},
): void => assert.isAtMost(worstDifference(shapes, build, options), 1e-6);

/** A shape of up to three axes, and two operands that broadcast to it: axes dropped from the front or squeezed to 1. */
const broadcastingPair = (random: () => number): readonly [T.Shape, T.Shape] => {
  const rank = Math.floor(random() * 4);
  const shape = Array.from({ length: rank }, () => 1 + Math.floor(random() * 3));
  const operand = (): T.Shape =>
    shape.slice(random() < 0.3 ? 1 : 0).map((size) => (random() < 0.3 ? 1 : size));
  return random() < 0.5 ? [operand(), shape] : [shape, operand()];
};

const ops = (node: T.Tensor): ReadonlyArray<string> => T.graph({ node }).nodes.map(({ op }) => op);
const count = (graph: T.Graph, op: string): number =>
  graph.nodes.filter((node) => node.op === op).length;

describe("gradient() agrees with finite differences", () => {
  const unary: Readonly<
    Record<string, readonly [(x: T.Tensor) => T.Tensor, readonly [number, number]]>
  > = {
    neg: [T.neg, [-1, 1]],
    abs: [T.abs, [0.1, 1]],
    "abs of negatives": [T.abs, [-1, -0.1]],
    exp: [T.exp, [-1, 1]],
    expm1: [T.expm1, [-1, 1]],
    log: [T.log, [0.5, 2]],
    sqrt: [T.sqrt, [0.5, 2]],
    rsqrt: [T.rsqrt, [0.5, 2]],
    reciprocal: [T.reciprocal, [0.5, 2]],
    sigmoid: [T.sigmoid, [-3, 3]],
    silu: [T.silu, [-3, 3]],
    tanh: [T.tanh, [-2, 2]],
    "pow 2": [(x) => T.pow(x, 2), [-1, 1]],
    "pow 3": [(x) => T.pow(x, 3), [-1, 1]],
    "pow -1.5": [(x) => T.pow(x, -1.5), [0.5, 2]],
    "mean over an axis": [(x) => T.mean(x, 1), [-1, 1]],
    "sum over two axes": [(x) => T.sum(x, [0, 2]), [-1, 1]],
    "sum, kept": [(x) => T.sum(x, 1, true), [-1, 1]],
    max: [(x) => T.max(x, 2), [-1, 1]],
    "max over all, kept": [(x) => T.max(x, undefined, true), [-1, 1]],
    logSumExp: [(x) => T.logSumExp(x), [-3, 3]],
    "logSumExp over axis 0": [(x) => T.logSumExp(x, 0, true), [-3, 3]],
    softmax: [T.softmax, [-3, 3]],
    logSoftmax: [T.logSoftmax, [-3, 3]],
    reshape: [(x) => T.reshape(x, [4, 6]), [-1, 1]],
    transpose: [(x) => T.transpose(x, [2, 0, 1]), [-1, 1]],
    slice: [(x) => T.slice(x, [0, 1, 1], [2, 3, 3]), [-1, 1]],
    pad: [(x) => T.pad(x, [1, 0, 2], [0, 1, 1], 5), [-1, 1]],
    broadcastTo: [(x) => T.broadcastTo(x, [2, 2, 3, 4]), [-1, 1]],
    concat: [(x) => T.concat([x, T.mul(x, x), T.full(1, [2, 1, 4])], 1), [-1, 1]],
    topK: [(x) => T.topK(x, 2).values, [-1, 1]],
    cast: [(x) => T.cast(T.cast(x, "f16"), "f32"), [-1, 1]],
    sumSquares: [T.sumSquares, [-1, 1]],
  };
  for (const [name, [f, range]] of Object.entries(unary)) {
    it(`${name} does, for x [2,3,4]`, () => agrees({ x: [2, 3, 4] }, ({ x }) => f(x!), { range }));
  }

  const binary: Readonly<Record<string, (a: T.Tensor, b: T.Tensor) => T.Tensor>> = {
    add: T.add,
    sub: T.sub,
    mul: T.mul,
    div: T.div,
    maximum: T.maximum,
    minimum: T.minimum,
    where: (a, b) => T.where(T.less(a, b), T.mul(a, a), b),
  };
  for (const [name, f] of Object.entries(binary)) {
    it(`${name} does, over random shapes that broadcast`, () => {
      const random = uniforms(7);
      for (let seed = 0; seed < 20; seed++) {
        const [a, b] = broadcastingPair(random);
        agrees({ a, b }, (x) => f(x.a!, x.b!), { seed, range: [0.5, 2] });
      }
    });
  }

  it("matMul does, for all flags, random ranks and broadcast leading axes", () => {
    const random = uniforms(3);
    for (let seed = 0; seed < 60; seed++) {
      const [left, right] = broadcastingPair(random).map((shape) => shape.slice(0, 2));
      const [M, K, N] = Array.from({ length: 3 }, () => 1 + Math.floor(random() * 3));
      const transA = random() < 0.5;
      const transB = random() < 0.5;
      if (T.broadcastShapes(left!, right!) === undefined) continue;
      agrees(
        {
          a: [...left!, ...(transA ? [K!, M!] : [M!, K!])],
          b: [...right!, ...(transB ? [N!, K!] : [K!, N!])],
        },
        ({ a, b }) => T.matMul(a!, b!, { transA, transB, alpha: 0.7 }),
        { seed },
      );
    }
  });

  it("gathers and scatters do, with duplicate ids", () => {
    const ids = T.input("ids", [2, 3], "i32");
    const fixed = { ids: [4, 0, 4, 4, 2, 0] };
    agrees({ x: [5, 2] }, ({ x }) => T.gatherRows(x!, ids), { fixed });
    agrees({ x: [2, 3, 2] }, ({ x }) => T.scatterAddRows(x!, ids, 5), { fixed });
    agrees({ x: [2, 5] }, ({ x }) => T.gatherLast(x!, ids), { fixed });
    agrees({ x: [2, 3] }, ({ x }) => T.scatterAddLast(x!, ids, 5), { fixed });
  });

  it("token log-probabilities do, gathered once and twice from one logSoftmax", () => {
    const ids = T.input("ids", [4, 1], "i32");
    const fixed = { ids: [0, 3, 2, 2] };
    agrees({ x: [4, 5] }, ({ x }) => T.gatherLast(T.logSoftmax(x!), ids), { fixed });
    agrees(
      { x: [4, 5] },
      ({ x }) => {
        const logProbs = T.logSoftmax(x!);
        const top = T.topK(T.stopGradient(x!), 2).indices;
        return T.add(T.gatherLast(logProbs, ids), T.gatherLast(logProbs, top));
      },
      { fixed },
    );
  });

  it("rope does, for x and both tables", () => {
    agrees({ x: [2, 3, 4, 6], cos: [4, 3], sin: [4, 3] }, ({ x, cos, sin }) =>
      T.rope(x!, cos!, sin!),
    );
    agrees({ x: [2, 3, 4, 6], cos: [2, 1, 4, 3], sin: [1, 3] }, ({ x, cos, sin }) =>
      T.rope(x!, cos!, sin!),
    );
  });

  it("rmsNorm does, for x and its weight", () => {
    agrees({ x: [2, 3, 4], weight: [4] }, ({ x, weight }) => T.rmsNorm(x!, weight!, 1e-3));
  });

  it("attention does, grouped, masked and causal", () => {
    const shapes = { q: [2, 4, 3, 2], k: [2, 2, 5, 2], v: [2, 2, 5, 2] };
    agrees(shapes, ({ q, k, v }) => T.attention(q!, k!, v!));
    agrees(shapes, ({ q, k, v }) => T.attention(q!, k!, v!, undefined, { causal: true, scale: 1 }));
    agrees({ ...shapes, mask: [2, 1, 1, 5] }, ({ q, k, v, mask }) =>
      T.attention(q!, k!, v!, mask!, { causal: true }),
    );
    agrees({ ...shapes, mask: [3, 5] }, ({ q, k, v, mask }) => T.attention(q!, k!, v!, mask!));
  });

  it("attention does where one tensor is query, key and value", () => {
    agrees({ x: [1, 2, 3, 2] }, ({ x }) => T.attention(x!, x!, x!));
    agrees({ x: [1, 2, 3, 2] }, ({ x }) => T.attention(x!, T.mul(x!, x!), T.exp(x!)));
  });

  it("lerp and axpy do, for all inputs", () => {
    const shapes = { a: [2, 3], b: [2, 3], rate: [1] };
    agrees(shapes, ({ a, b, rate }) => T.lerp(a!, b!, rate!));
    agrees(shapes, ({ a, b, rate }) => T.axpy(a!, b!, rate!));
  });

  it("a gradient does when it is differentiated again", () => {
    agrees({ x: [3] }, ({ x }) => T.gradient(T.sum(T.mul(T.exp(x!), T.tanh(x!))), [x!])[0]!);
  });
});

describe("gradient()", () => {
  const x = T.input("x", [2, 3]);
  const run = (tensor: T.Tensor, inputs: Record<string, ArrayLike<number>>) => [
    ...T.interpret(T.graph({ tensor }), inputs).tensor!,
  ];

  it("gives zeros where no path leads", () => {
    const other = T.input("other", [2]);
    const [g] = T.gradient(T.sum(x), [other]);
    assert.deepEqual(g!.shape, [2]);
    assert.deepEqual(run(g!, {}), [0, 0]);
  });

  it("stops at stopGradient", () => {
    const [g] = T.gradient(T.sum(T.mul(x, T.stopGradient(x))), [x]);
    assert.deepEqual(run(g!, { x: [1, 2, 3, 4, 5, 6] }), [1, 2, 3, 4, 5, 6]);
    const stopped = T.stopGradient(x);
    const [atStopped, atX] = T.gradient(T.sum(T.mul(T.mul(stopped, 3), x)), [stopped, x]);
    assert.equal(run(atStopped!, { x: [2, 0, 0, 0, 0, 0] })[0], 6);
    assert.equal(run(atX!, { x: [2, 0, 0, 0, 0, 0] })[0], 6);
  });

  it("is that of the loss itself with respect to a tensor on the way, and looks behind it too", () => {
    const middle = T.mul(x, 3);
    const [atMiddle, atX] = T.gradient(T.sum(T.mul(middle, middle)), [middle, x]);
    const data = { x: [1, 0, 0, 0, 0, 0] };
    assert.equal(run(atMiddle!, data)[0], 6);
    assert.equal(run(atX!, data)[0], 18);
  });

  it("counts all inputs of one name as one", () => {
    const again = T.input("x", [2, 3]);
    const [g] = T.gradient(T.sum(T.mul(x, again)), [x]);
    assert.deepEqual(run(g!, { x: [1, 2, 3, 4, 5, 6] }), [2, 4, 6, 8, 10, 12]);
    const attended = ["x", "x", "x"].map((name) => T.input(name, [1, 1, 2, 3]));
    const loss = T.sum(T.attention(attended[0]!, attended[1]!, attended[2]!));
    const one = T.sum(T.attention(attended[0]!, attended[0]!, attended[0]!));
    const data = { x: [1, 2, 3, 4, 5, 7] };
    const named = run(T.gradient(loss, [T.input("x", [1, 1, 2, 3])])[0]!, data);
    const expected = run(T.gradient(one, [attended[0]!])[0]!, data);
    named.forEach((value, index) => assert.closeTo(value, expected[index]!, 1e-12));
  });

  it("starts from a seed of the loss's shape", () => {
    const seed = T.constant([1, 0, 0, 0, 0, 2], [2, 3]);
    const [g] = T.gradient(T.mul(x, x), [x], seed);
    assert.deepEqual(run(g!, { x: [1, 2, 3, 4, 5, 6] }), [2, 0, 0, 0, 0, 24]);
  });

  it("shares the gradient of equal elements: halves in maximum, even parts in max", () => {
    const y = T.input("y", [3]);
    const data = { y: [4, 4, 1] };
    assert.deepEqual(run(T.gradient(T.sum(T.max(y)), [y])[0]!, data), [0.5, 0.5, 0]);
    assert.deepEqual(run(T.gradient(T.sum(T.maximum(y, 4)), [y])[0]!, data), [0.5, 0.5, 0]);
    assert.deepEqual(run(T.gradient(T.sum(T.abs(T.sub(y, 4))), [y])[0]!, data), [0, 0, -1]);
  });

  it("refuses a loss that is not a scalar, a seed of another shape, and dtypes without gradients", () => {
    assert.throws(
      () => T.gradient(x, [x]),
      /^gradient: Expected a scalar loss, got \[2,3\]; sum it/,
    );
    assert.throws(
      () => T.gradient(x, [x], T.full(1, [3])),
      /Expected a seed of the loss's shape, got \[2,3\] and \[3\]/,
    );
    assert.throws(
      () => T.gradient(T.sum(x), [T.input("ids", [2], "i32")]),
      /Expected floats, got i32/,
    );
  });

  it("refuses a path through an operation without gradient, and does not mind one off the path", () => {
    const cache = T.input("cache", [1, 1, 4, 2]);
    const rows = T.input("rows", [1, 1, 1, 2]);
    const written = T.cacheWrite(cache, rows, T.input("positions", [1], "i32"));
    assert.throws(() => T.gradient(T.sum(written), [rows]), /got cacheWrite; put stopGradient/);
    assert.equal(T.gradient(T.sum(T.mul(x, T.sum(written))), [x]).length, 1);
  });

  it("makes one folded product for a weight that a batch shares", () => {
    const h = T.input("h", [2, 3, 4]);
    const w = T.input("w", [5, 4]);
    const [g] = T.gradient(T.sum(T.silu(T.matMul(h, w, { transB: true }))), [w]);
    const products = T.graph({ g: g! }).nodes.filter(({ op }) => op === "matMul");
    assert.deepEqual(
      products.map(({ outputs }) => outputs[0]!.shape),
      [
        [2, 3, 5],
        [5, 4],
      ],
    );
    assert.notInclude(ops(g!), "sum");
    assert.notInclude(ops(g!), "transpose");
  });

  it("transposes nothing for any flags of matMul", () => {
    for (const transA of [false, true]) {
      for (const transB of [false, true]) {
        const a = T.input("a", transA ? [3, 2] : [2, 3]);
        const b = T.input("b", transB ? [4, 3] : [3, 4]);
        const loss = T.sum(T.exp(T.matMul(a, b, { transA, transB })));
        const [da, db] = T.gradient(loss, [a, b]);
        assert.notInclude(ops(T.add(T.sum(da!), T.sum(db!))), "transpose");
      }
    }
  });

  it("sums the picked values, not the vocabulary, behind a token log-probability", () => {
    const logits = T.input("logits", [4, 1000]);
    const ids = T.input("ids", [4, 1], "i32");
    const [g] = T.gradient(T.sum(T.exp(T.gatherLast(T.logSoftmax(logits), ids))), [logits]);
    const graph = T.graph({ g: g! });
    const sums = graph.nodes.filter(({ op }) => op === "sum");
    assert.isTrue(sums.every(({ inputs }) => inputs[0]!.shape.at(-1) === 1));
    assert.equal(count(graph, "scatterAddLast"), 1);
    assert.equal(count(graph, "softmax"), 1);
  });

  it("shares the reciprocal root of rmsNorm and the scores of attention with the forward pass", () => {
    const h = T.input("h", [2, 4]);
    const normed = T.sum(T.exp(T.rmsNorm(h, T.input("w", [4]), 1e-5)));
    const [g] = T.gradient(normed, [h]);
    const both = T.lower(T.graph({ normed, g: g! }), () => false);
    assert.equal(count(both, "rsqrt"), 1);
    const q = T.input("q", [1, 2, 3, 4]);
    const loss = T.sum(T.attention(q, q, q));
    const [dq] = T.gradient(loss, [q]);
    const attended = T.lower(T.graph({ loss, dq: dq! }), () => false);
    assert.equal(count(attended, "softmax"), 1);
  });

  it("of a pass is its own node, and taken apart that of its steps, hash included", () => {
    const [q, k, v, mask] = [
      T.input("q", [2, 4, 3, 2]),
      T.input("k", [2, 2, 5, 2]),
      T.input("v", [2, 2, 5, 2]),
      T.input("mask", [2, 1, 1, 5]),
    ];
    for (const mixed of [
      T.attention(q, k, v, undefined, { causal: true }),
      T.attention(q, k, v, mask),
    ]) {
      const wrt = [q, k, v, ...(mixed.node.inputs.length === 4 ? [mask] : [])];
      const graphOf = (out: T.Tensor) => {
        const found = T.gradient(T.sum(T.exp(out)), wrt);
        return T.graph({ out, ...Object.fromEntries(found.map((g, i) => [`${i}`, g])) });
      };
      const whole = graphOf(mixed);
      assert.equal(count(whole, "attentionGradient"), 1);
      const apart = T.lower(whole, () => false);
      assert.equal(apart.hash, graphOf(T.decompose(mixed.node)[0]!).hash);
      assert.equal(T.lower(whole, (op) => !T.PASSES.has(op)).hash, apart.hash);
    }
  });

  it("survives a chain of thousands of nodes", () => {
    let y: T.Tensor = x;
    for (let i = 0; i < 5000; i++) y = T.add(T.mul(y, 0.5), 1);
    const [g] = T.gradient(T.sum(y), [x]);
    assert.isAbove(T.graph({ g: g! }).nodes.length, 5000);
  });
});
