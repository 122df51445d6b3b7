import { assert, describe, it } from "vitest";
import * as T from "./mod.ts";

const x = T.input("x", [4, 8]);
const w = T.input("w", [8, 16]);

describe("graphCost()", () => {
  it("counts operations, and the bytes of inputs and outputs", () => {
    const cost = T.graphCost(T.graph({ y: T.exp(T.matMul(x, w)), x }));
    assert.strictEqual(cost.operations, 2 * 4 * 8 * 16 + 4 * 16);
    assert.strictEqual(cost.inputs, 4 * (4 * 8 + 8 * 16));
    assert.strictEqual(cost.outputs, 4 * 4 * 16);
    assert.deepEqual(cost.largest, { name: "w", shape: [8, 16], bytes: 4 * 8 * 16 });
  });

  it("counts what is needed at the same time, and not what stands where something else stood", () => {
    const bytes = 4 * 4 * 16;
    const h = T.matMul(x, w);
    const chain = T.graphCost(T.graph({ y: T.sum(T.tanh(T.exp(T.reshape(h, [64])))) }));
    assert.strictEqual(chain.working, bytes);
    // exp and tanh of the same value cannot both take its place.
    const both = T.graphCost(T.graph({ y: T.sum(T.mul(T.exp(h), T.tanh(h))) }));
    assert.strictEqual(both.working, 2 * bytes);
    // A transpose is a copy.
    const moved = T.graphCost(T.graph({ y: T.sum(T.matMul(T.transpose(h), T.exp(h))) }));
    assert.isAtLeast(moved.working, 2 * bytes);
  });

  it("counts nothing that an output holds", () => {
    assert.strictEqual(T.graphCost(T.graph({ y: T.matMul(x, w) })).working, 0);
  });
});

describe("executionOrder()", () => {
  it("computes shallow outputs first, whatever their order in the graph", () => {
    const h = T.matMul(x, w);
    const graph = T.graph({ deep: T.tanh(T.exp(T.exp(h))), shallow: T.sum(h) });
    const order = T.executionOrder(graph).map(({ op }) => op);
    assert.sameMembers(
      [...order],
      graph.nodes.map(({ op }) => op),
    );
    assert.isBelow(order.indexOf("sum"), order.indexOf("exp"));
    assert.isBelow(order.indexOf("matMul"), order.indexOf("sum"));
  });

  it("computes a long way without a product before a short one with another, so that what both read is soon gone", () => {
    const h = T.matMul(x, w);
    const loss = T.sum(T.exp(T.exp(T.exp(T.tanh(h)))));
    const graph = T.graph({ gradient: T.matMul(x, h, { transA: true }), loss });
    const order = T.executionOrder(graph).map(({ op }) => op);
    assert.isBelow(order.indexOf("sum"), order.lastIndexOf("matMul"));
  });
});
