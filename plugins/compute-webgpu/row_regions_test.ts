import { assert, describe, it } from "@effect/vitest";
import {
  add,
  exp,
  gatherLast,
  graph,
  input,
  matMul,
  max,
  mul,
  scatterAddLast,
  softmax,
  sub,
  sum,
  type Tensor,
  topK,
} from "@resd/tensor";
import { rowBatches } from "./row_batches.ts";
import { rowRegions } from "./row_regions.ts";

const N = 20;
const V = 50;
const z = input("z", [N, V]);

/** Operations of the regions of a graph. */
const regionsOf = (
  outputs: Readonly<Record<string, Tensor>>,
): ReadonlyArray<ReadonlyArray<string>> =>
  rowRegions(graph(outputs)).map(({ levels }) => [...levels.keys()].map(({ op }) => op));

const entropyOf = (x: Tensor): Tensor => sum(mul(softmax(x), x), -1);

describe("rowRegions()", () => {
  it("finds what works on each row by itself, with the passes that each part waits for", () => {
    const [region] = rowRegions(graph({ gap: sub(entropyOf(z), max(z, -1)) }));
    const levels = [...region!.levels].map(([{ op }, level]) => [op, level]);
    assert.deepStrictEqual(levels, [
      ["softmax", 2],
      ["mul", 2],
      ["sum", 3],
      ["max", 1],
      ["sub", 3],
    ]);
  });

  it("leaves a single reduction to its own kernel", () => {
    assert.deepStrictEqual(regionsOf({ total: sum(exp(z), -1) }), []);
  });

  it("leaves few long rows to kernels that cut rows into parts", () => {
    const long = input("long", [2, 100_000]);
    assert.deepStrictEqual(regionsOf({ entropy: entropyOf(long) }), []);
  });

  it("keeps what depends on something that depends on the region outside", () => {
    const p = softmax(z);
    const mixed = matMul(p, input("w", [V, V]));
    const all = regionsOf({ out: add(sum(mul(p, z), -1), sum(mul(mixed, p), -1)) });
    assert.deepStrictEqual(all, [["softmax", "mul", "sum"]]);
  });

  it("leaves operations that end a product to the product", () => {
    const logits = mul(exp(matMul(input("h", [N, 8]), input("w", [8, V]))), 2);
    assert.deepStrictEqual(regionsOf({ entropy: entropyOf(logits) }), [["softmax", "mul", "sum"]]);
  });

  it("does not take numbers of columns for numbers of rows where there are as many of both", () => {
    const square = input("square", [N, N]);
    const columns = sum(square, -1);
    assert.deepStrictEqual(regionsOf({ out: sum(mul(softmax(square), columns), -1) }), []);
  });
});

describe("rowBatches()", () => {
  const results = (): Readonly<Record<string, Tensor>> => {
    const { indices, values } = topK(z, 3);
    const p = softmax(z);
    return {
      entropy: entropyOf(z),
      greatest: max(p, -1),
      top: sum(mul(values, max(p, -1, true)), -1),
      spread: mul(p, sub(1, scatterAddLast(gatherLast(p, indices), indices, V))),
    };
  };

  it("stores all results by one kernel where that binds few enough buffers", () => {
    const source = graph(results());
    const [region] = rowRegions(source);
    const batches = rowBatches(source, region!, 8)!;
    assert.strictEqual(batches.length, 1);
    assert.strictEqual(batches[0]!.results.length, 4);
    assert.deepStrictEqual(
      batches[0]!.sources.map(({ node: { op }, index }) => `${op} ${index}`).toSorted(),
      ["input 0", "topK 1"],
    );
  });

  it("splits results among kernels, wide ones first, when buffers are few", () => {
    const source = graph(results());
    const [region] = rowRegions(source);
    const batches = rowBatches(source, region!, 4)!;
    assert.deepStrictEqual(
      batches.map((batch) => batch.results.length),
      [2, 2],
    );
    assert.strictEqual(rowBatches(source, region!, 2), undefined);
  });
});
