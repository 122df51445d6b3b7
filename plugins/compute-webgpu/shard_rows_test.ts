import { makeRandom } from "@resd/core";
import * as T from "@resd/tensor";
import { assert, describe, it } from "vitest";
import { tensorBytes } from "./row_shards.ts";
import { shardRows } from "./shard_rows.ts";

const random = makeRandom("shard rows");
const values = (count: number): Float64Array =>
  Float64Array.from({ length: count }, () => random.normal());
const f32 = (name: string, ...shape: Array<number>) => T.input(name, shape);
const i32 = (name: string, ...shape: Array<number>) => T.input(name, shape, "i32");

/** What a graph in pieces gives, from whole inputs to whole outputs. */
const inPieces = (
  source: T.Graph,
  maxBinding: number,
  data: Readonly<Record<string, T.Values>>,
): Record<string, T.Values> => {
  const { graph, inputs, outputs } = shardRows(source, { maxBinding, bindingAlignment: 16 });
  for (const { op, outputs: types } of graph.nodes) {
    if (op === "full") continue;
    for (const type of types) assert.isAtMost(tensorBytes(type), maxBinding, op);
  }
  const given = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => {
      const { whole, offset } = inputs.get(name) ?? { whole: name, offset: 0 };
      assert.strictEqual(offset % 16, 0);
      return [name, data[whole]!.slice(offset / 4, offset / 4 + T.sizeOf(shape))];
    }),
  );
  const results = T.interpret(graph, given);
  const joined: Record<string, T.Values> = {};
  for (const { name, tensor } of source.outputs)
    joined[name] = new Float64Array(T.sizeOf(tensor.shape));
  for (const [name, got] of Object.entries(results)) {
    const { whole, offset } = outputs.get(name) ?? { whole: name, offset: 0 };
    assert.strictEqual(offset % 16, 0);
    joined[whole]!.set(got, offset / 4);
  }
  return joined;
};

const agrees = (
  outputs: Record<string, T.Tensor>,
  data: Readonly<Record<string, T.Values>>,
  maxBinding: number,
): void => {
  const source = T.lower(T.graph(outputs, { name: "whole" }), (op) => op === "adamw");
  const wanted = T.interpret(source, data);
  const got = inPieces(source, maxBinding, data);
  for (const [name, list] of Object.entries(wanted)) {
    list.forEach((value, i) => assert.closeTo(got[name]![i]!, value, 1e-9, `${name}[${i}]`));
  }
};

const V = 37;
const D = 8;
const table = f32("table", V, D);
const rows = f32("rows", 5, D);
const ids = i32("ids", 5);
const data = {
  table: values(V * D),
  rows: values(5 * D),
  ids: Int32Array.of(0, 36, 17, 17, 20),
  more: values(V * D),
  moments: values(V * D).map(Math.abs),
  hyper: Float64Array.of(0.1, 0.9, 0.99, 1e-8, 0.01, 0.19, 0.02, 0.5),
  scores: values(V * 5),
  lines: values(V * 5),
  batch: values(6 * 3 * 4),
  other: values(6 * 4 * 3),
};

describe("shardRows()", () => {
  it("leaves a graph without large tensors as it is", () => {
    const source = T.graph({ out: T.gatherRows(table, ids) });
    assert.strictEqual(shardRows(source, { maxBinding: 4096, bindingAlignment: 16 }).graph, source);
  });

  const scores = f32("scores", V, 5);
  const cases: Readonly<Record<string, Record<string, T.Tensor>>> = {
    "looks rows up": { out: T.gatherRows(table, ids) },
    "adds rows": { out: T.scatterAddRows(rows, ids, V) },
    "adds rows of a large tensor": {
      out: T.scatterAddRows(
        table,
        T.constant(
          Int32Array.from({ length: V }, (_, i) => i % 7),
          [V],
          "i32",
        ),
        7,
      ),
    },
    "multiplies by a large tensor's transpose": { out: T.matMul(rows, table, { transB: true }) },
    "multiplies by a large tensor": {
      out: T.matMul(scores, table, { transA: true, alpha: 0.5 }),
    },
    "multiplies a large tensor": { out: T.matMul(table, rows, { transB: true }) },
    "multiplies large tensors, cut across each other": {
      out: T.matMul(f32("lines", 5, V), table),
      wide: T.matMul(
        T.matMul(table, rows, { transB: true }),
        T.matMul(rows, table, { transB: true }),
      ),
      both: T.matMul(T.matMul(table, table, { transB: true }), table),
      turned: T.matMul(
        T.matMul(table, table, { transB: true }),
        T.matMul(table, table, { transB: true }),
        { transA: true, transB: true },
      ),
    },
    "makes a large product": { out: T.matMul(scores, rows) },
    "makes a large product of a transpose": {
      out: T.matMul(f32("lines", 5, V), rows, { transA: true }),
    },
    "makes the square of a large tensor": {
      out: T.matMul(table, table, { transB: true }),
      gram: T.matMul(table, table, { transA: true }),
    },
    "works on each element": { out: T.mul(T.exp(table), T.add(f32("more", V, D), T.sum(rows, 0))) },
    "adds up": {
      all: T.sum(T.mul(table, table)),
      columns: T.sum(table, 0),
      lines: T.sum(table, 1),
      greatest: T.max(table, 0),
    },
    "normalises rows": {
      soft: T.softmax(table),
      log: T.logSoftmax(T.matMul(table, rows, { transB: true })),
      norm: T.rmsNorm(table, T.sum(rows, 0), 1e-6),
    },
    "moves elements": {
      cut: T.slice(table, [3, 1], [30, 7]),
      longer: T.concat([table, f32("more", V, D)], 0),
      wider: T.concat([table, f32("more", V, D)], 1),
      padded: T.pad(table, [0, 1], [0, 2], 7),
      shaped: T.reshape(table, [V, 2, D / 2]),
      turned: T.transpose(T.reshape(table, [V, 2, D / 2]), [0, 2, 1]),
    },
    "picks elements": {
      out: T.gatherLast(
        table,
        T.constant(
          Int32Array.from({ length: V }, (_, i) => i % D),
          [V, 1],
          "i32",
        ),
      ),
    },
    "steps an optimizer": {
      ...T.adamw(
        table,
        f32("more", V, D),
        T.mul(table, 0.1),
        f32("moments", V, D),
        f32("hyper", 8),
      ),
    },
    "multiplies a batch": {
      out: T.matMul(f32("batch", 6, 3, 4), f32("other", 6, 4, 3)),
      soft: T.softmax(T.matMul(f32("batch", 6, 3, 4), f32("other", 6, 4, 3))),
    },
    "gives an input back": { table, twice: T.mul(table, 2), again: T.mul(table, 2) },
  };
  for (const [name, outputs] of Object.entries(cases)) {
    it(`${name}, in pieces as in one`, () => {
      for (const maxBinding of [720, 1000]) agrees(outputs, data, maxBinding);
    });
  }

  it("trains as in one piece: loss and gradients of a tied head", () => {
    const hidden = T.gatherRows(table, ids);
    const logits = T.matMul(T.add(hidden, rows), table, { transB: true });
    const loss = T.sum(T.gatherLast(T.logSoftmax(logits), T.reshape(ids, [5, 1])));
    const [grad] = T.gradient(loss, [table]);
    agrees({ loss, grad: grad!, norm: T.sumSquares(grad!) }, data, 800);
  });

  it("refuses by name what cannot be cut", () => {
    const source = T.graph({ out: T.transpose(table) }, { name: "turn" });
    assert.throws(
      () => shardRows(source, { maxBinding: 320, bindingAlignment: 16 }),
      /Expected operations row by row .*got transpose \[37, 8\] \[8, 37\], at turn/,
    );
    assert.throws(
      () => shardRows(source, { maxBinding: 16, bindingAlignment: 16 }),
      /Expected rows of at most 16 bytes, .*got 32 bytes a row of table \[37, 8\], at turn/,
    );
  });
});
