import { assert, describe, it } from "vitest";
import * as T from "./mod.ts";

const run = (outputs: Record<string, T.Tensor>, inputs: Record<string, ArrayLike<number>>) =>
  T.interpret(T.graph(outputs), inputs);

const count = (graph: T.Graph, op: T.OpName): number =>
  graph.nodes.filter((node) => node.op === op).length;

describe("after()", () => {
  const [x, y] = [T.input("x", [2, 3]), T.input("y", [4])];

  it("is x, whatever is computed before it, infinite values and NaN included", () => {
    const values = [1, -2, 0, 4, 1e30, -0.5];
    for (const first of [3, Number.NaN, Infinity]) {
      const { z } = run({ z: T.after(x, [T.log(y), y]) }, { x: values, y: [first, 1, 1, 1] });
      assert.deepEqual([...z!], values);
    }
  });

  it("depends on all of what comes before, so that every backend has it ready by then", () => {
    const graph = T.graph({ z: T.exp(T.after(x, [T.log(y), T.sqrt(y)])) });
    const place = (op: T.OpName) => graph.nodes.findIndex((node) => node.op === op);
    assert.isBelow(place("log"), place("exp"));
    assert.isBelow(place("sqrt"), place("exp"));
  });

  it("gives gradients to x alone", () => {
    const [dx, dy] = T.gradient(T.sum(T.mul(T.after(x, [T.exp(y)]), 3)), [x, y]);
    const result = run({ dx: dx!, dy: dy! }, { x: new Float64Array(6), y: [1, 2, 3, 4] });
    assert.deepEqual([...result["dx"]!], [3, 3, 3, 3, 3, 3]);
    assert.deepEqual([...result["dy"]!], [0, 0, 0, 0]);
  });

  it("is x itself after nothing, and refuses what has no order among floats", () => {
    assert.strictEqual(T.after(x, []), x);
    assert.throws(() => T.after(x, [T.input("ids", [2], "i32")]), /Expected floats, got i32/);
  });
});

describe("checkpoint()", () => {
  const x = T.input("x", [2, 3]);
  const weights = [0, 1, 2].map((layer) => T.input(`w${layer}`, [3, 3]));
  const layer = ([h, w]: ReadonlyArray<T.Tensor>): T.Tensor =>
    T.add(h!, T.tanh(T.matMul(T.silu(h!), w!)));
  const deep = (kept: boolean): Record<string, T.Tensor> => {
    let h = x;
    for (const w of weights) h = kept ? layer([h, w]) : T.checkpoint([h, w], layer);
    const loss = T.sum(T.mul(h, h));
    const [dx, ...dw] = T.gradient(loss, [x, ...weights]);
    return {
      loss,
      dx: dx!,
      ...Object.fromEntries(dw.map((grad, index) => [`dw${index}`, grad])),
    };
  };
  const values = {
    x: [0.3, -1, 2, 0.1, 0.7, -0.4],
    w0: Array.from({ length: 9 }, (_, i) => Math.sin(i)),
    w1: Array.from({ length: 9 }, (_, i) => Math.cos(3 * i)),
    w2: Array.from({ length: 9 }, (_, i) => Math.sin(7 * i)),
  };

  it("has the values and gradients of what it wraps, bit for bit", () => {
    assert.deepEqual(run(deep(false), values), run(deep(true), values));
  });

  it("computes again what the gradient needs, after the gradient has arrived", () => {
    const [kept, again] = [T.graph(deep(true)), T.graph(deep(false))];
    assert.strictEqual(count(kept, "tanh"), 3);
    assert.strictEqual(count(again, "tanh"), 6);
  });

  it("computes once what needs weights alone", () => {
    const scaled = ([h, w]: ReadonlyArray<T.Tensor>) => T.matMul(T.tanh(h!), T.exp(w!));
    const y = T.checkpoint([x, weights[0]!], scaled);
    const [dx, dw] = T.gradient(T.sum(y), [x, weights[0]!]);
    const graph = T.graph({ y, dx: dx!, dw: dw! });
    assert.strictEqual(count(graph, "exp"), 1);
    assert.strictEqual(count(graph, "tanh"), 2);
  });
});
