import { assert, describe, it } from "vitest";
import * as T from "./mod.ts";

const x = T.input("x", [2, 3]);
const y = T.input("y", [3]);

const ops = (tensor: T.Tensor): ReadonlyArray<string> =>
  T.graph({ tensor }).nodes.map(({ op }) => op);

/** What a tensor becomes in a finished graph. */
const finished = (tensor: T.Tensor): T.Node => T.graph({ tensor }).outputs[0]!.tensor.node;

describe("graph()", () => {
  it("lists what the outputs need, inputs before users", () => {
    T.exp(x);
    const { inputs, nodes, outputs } = T.graph({ sum: T.add(x, y), x }, { name: "small" });
    assert.deepEqual(inputs, [
      { name: "x", shape: [2, 3], dtype: "f32" },
      { name: "y", shape: [3], dtype: "f32" },
    ]);
    assert.deepEqual(
      nodes.map(({ op }) => op),
      ["input", "input", "add"],
    );
    assert.deepEqual(
      outputs.map(({ name }) => name),
      ["sum", "x"],
    );
    assert.strictEqual(outputs[1]!.tensor.node, nodes[0]);
  });

  it("shares equal nodes, inputs of one name, and operands in either order", () => {
    const again = T.input("x", [2, 3]);
    const both = T.mul(T.exp(T.add(x, y)), T.exp(T.add(y, again)));
    assert.deepEqual(ops(both), ["input", "input", "add", "exp", "mul"]);
    assert.equal(ops(T.sub(T.sub(x, y), T.sub(y, x))).filter((op) => op === "sub").length, 3);
  });

  it("shares equal constants, and tells apart data, shapes and dtypes", () => {
    const data = [1, 2];
    const equal = T.add(T.constant(data, [2]), T.exp(T.constant(data, [2])));
    assert.deepEqual(ops(equal), ["constant", "exp", "add"]);
    const different = T.concat(
      [
        T.constant([1, 2], [2]),
        T.constant([2, 1], [2]),
        T.reshape(T.constant(data, [1, 2]), [2]),
        T.cast(T.constant(data, [2], "i32"), "f32"),
      ],
      0,
    );
    assert.equal(ops(different).filter((op) => op === "constant").length, 4);
  });

  it("shares one topK between its two outputs", () => {
    const { values } = T.topK(x, 2);
    const { indices } = T.topK(x, 2);
    assert.equal(T.graph({ values, indices }).nodes.filter(({ op }) => op === "topK").length, 1);
  });

  it("tells the outputs of one node apart", () => {
    const { m, v } = T.adamw(y, y, y, y, T.input("hyper", [8]));
    const { nodes } = T.graph({ m: T.exp(m), v: T.exp(v) });
    assert.equal(nodes.filter(({ op }) => op === "exp").length, 2);
  });

  it("refuses two inputs of one name that differ", () => {
    assert.throws(
      () => T.graph({ a: T.sum(x), b: T.sum(T.input("x", [3, 2])) }),
      'graph: Expected one shape and dtype for input "x", got f32[2,3] and f32[3,2]; give one of them another name',
    );
    assert.throws(() => T.graph({ a: x, b: T.input("x", [2, 3], "i32") }), T.TensorError);
  });

  it("erases stopGradient and customVjp", () => {
    const wrapped = T.customVjp(
      [x],
      ([a]) => T.exp(a!),
      () => [undefined],
    );
    assert.deepEqual(ops(T.stopGradient(wrapped)), ["input", "exp"]);
  });

  it("leaves out what changes nothing", () => {
    const same: Readonly<Record<string, T.Tensor>> = {
      "x + 0": T.add(x, 0),
      "0 + x": T.add(0, x),
      "x − 0": T.sub(x, 0),
      "x · 1": T.mul(T.full(1, [2, 3]), x),
      "x / 1": T.div(x, 1),
      "−−x": T.neg(T.neg(x)),
      "both transposes": T.transpose(T.transpose(x)),
      "there and back": T.reshape(T.reshape(x, [6]), [2, 3]),
      "all of it": T.slice(x, [0, 0], [2, 3]),
      "no border": T.pad(x, [0, 0], [0, 0]),
      "one part": T.concat([x], 0),
      "its own shape": T.broadcastTo(x, [2, 3]),
    };
    for (const [name, tensor] of Object.entries(same)) {
      assert.equal(finished(tensor).op, "input", name);
    }
  });

  it("keeps what looks neutral but stretches, subtracts from or multiplies by 0", () => {
    assert.equal(finished(T.mul(T.full(1, [2, 3]), y)).op, "mul");
    assert.equal(finished(T.sub(0, x)).op, "sub");
    assert.equal(finished(T.mul(x, 0)).op, "mul");
    assert.equal(finished(T.div(1, x)).op, "div");
  });

  it("composes transposes and reshapes", () => {
    const z = T.input("z", [2, 3, 4]);
    const turned = finished(T.transpose(T.transpose(z, [1, 2, 0]), [1, 2, 0]));
    assert.deepEqual(turned.attributes, { perm: [2, 0, 1] });
    assert.equal(turned.inputs[0]!.node.op, "input");
    assert.deepEqual(ops(T.reshape(T.reshape(z, [6, 4]), [24])), ["input", "reshape"]);
  });

  it("leaves stretching to the operation that follows", () => {
    assert.deepEqual(ops(T.add(x, T.broadcastTo(y, [2, 3]))), ["input", "input", "add"]);
    assert.deepEqual(finished(T.add(x, T.full(2, [2, 3]))).inputs[1]!.shape, []);
    assert.equal(ops(T.add(T.broadcastTo(y, [2, 3]), y)).at(-2), "broadcastTo");
  });

  it("makes a sum over axes of size 1 a reshape", () => {
    assert.deepEqual(ops(T.sum(T.input("z", [2, 1]), 1)), ["input", "reshape"]);
  });

  it("computes the same before and after simplification", () => {
    const z = T.input("z", [1, 3]);
    const out = T.mul(
      T.add(T.broadcastTo(z, [2, 3]), T.full(0, [2, 3])),
      T.transpose(T.transpose(T.add(x, T.full(2, [1, 1])))),
    );
    assert.deepEqual(out.shape, [2, 3]);
    const { tensor } = T.interpret(T.graph({ tensor: out }), {
      x: [1, 2, 3, 4, 5, 6],
      z: [1, 10, 100],
    });
    assert.deepEqual([...tensor!], [3, 40, 500, 6, 70, 800]);
  });

  it("hashes the structure, the same in every process", () => {
    const build = () => T.graph({ out: T.matMul(x, T.constant([1, 2, 3], [3, 1])) });
    assert.equal(build().hash, build().hash);
    assert.equal(build().hash, "ca85457fd26da47e3e708f93dc352d96");
    assert.match(build().hash, /^[0-9a-f]{32}$/);
  });

  it("hashes differently whatever differs, but for the graph's name", () => {
    const a = T.input("a", [2, 2]);
    const graphs: ReadonlyArray<Readonly<Record<string, T.Tensor>>> = [
      { out: T.exp(a) },
      { other: T.exp(a) },
      { out: T.log(a) },
      { out: T.exp(T.input("b", [2, 2])) },
      { out: T.exp(T.input("a", [2, 3])) },
      { out: T.exp(T.input("a", [2, 2], "f16")) },
      { out: T.matMul(a, a) },
      { out: T.matMul(a, a, { transA: true }) },
      { out: T.matMul(a, a, { alpha: 2 }) },
      { out: T.add(a, T.constant([1, 2], [2])) },
      { out: T.add(a, T.constant([2, 1], [2])) },
      { out: T.constant([1, 0], [2], "bool") },
      { out: T.constant([0, 1], [2], "bool") },
      { out: T.add(a, 2) },
      { out: T.mul(a, -0) },
      { out: T.mul(a, 0) },
      { out: T.exp(a), also: T.exp(a) },
    ];
    const hashes = graphs.map((outputs) => T.graph(outputs).hash);
    assert.equal(new Set(hashes).size, graphs.length);
    assert.equal(
      T.graph({ out: T.exp(a) }, { name: "one" }).hash,
      T.graph({ out: T.exp(a) }, { name: "two" }).hash,
    );
  });

  it("takes a chain of thousands of nodes", () => {
    let z: T.Tensor = x;
    for (let i = 0; i < 20_000; i++) z = T.tanh(z);
    assert.equal(T.graph({ z }).nodes.length, 20_001);
  });
});

describe("lower()", () => {
  const normed = T.rmsNorm(x, y, 1e-5);

  it("replaces what is not claimed and keeps what is", () => {
    const source = T.graph({ a: T.attention(...attentionInputs()), normed });
    const kept = T.lower(source, (op) => op === "rmsNorm").nodes.map(({ op }) => op);
    assert.include(kept, "rmsNorm");
    assert.notInclude(kept, "attention");
    const none = T.lower(source, () => false);
    assert.isTrue(none.nodes.every(({ op }) => T.OPS[op].kind === "core"));
    assert.deepEqual(
      none.outputs.map(({ name, tensor }) => [name, tensor.shape]),
      source.outputs.map(({ name, tensor }) => [name, tensor.shape]),
    );
  });

  it("leaves a graph without primitives as it is, hash included", () => {
    const source = T.graph({ out: T.exp(T.add(x, y)) });
    assert.equal(T.lower(source, () => false).hash, source.hash);
  });

  it("shares nodes between composites", () => {
    const other = T.rmsNorm(x, T.input("other", [3]), 1e-5);
    const { nodes } = T.lower(T.graph({ normed, other }), () => false);
    assert.equal(nodes.filter(({ op }) => op === "rsqrt").length, 1);
  });
});

const attentionInputs = (): [T.Tensor, T.Tensor, T.Tensor] => [
  T.input("q", [1, 2, 3, 4]),
  T.input("k", [1, 1, 3, 4]),
  T.input("v", [1, 1, 3, 4]),
];

describe("printGraph()", () => {
  it("shows one operation a line, with shapes", () => {
    const { values, indices } = T.topK(T.add(x, y), 2);
    const graph = T.graph({ values, indices }, { name: "best" });
    assert.equal(
      T.printGraph(graph),
      [
        `graph best ${graph.hash}`,
        '  %0 = input() name="x" : f32[2,3]',
        '  %1 = input() name="y" : f32[3]',
        "  %2 = add(%0, %1) : f32[2,3]",
        "  %3 = topK(%2) k=2 : f32[2,2], i32[2,2]",
        "outputs",
        "  values = %3.0",
        "  indices = %3.1",
      ].join("\n"),
    );
  });
});
