import { assert, describe, it } from "@effect/vitest";
import { add, exp, graph, input, matMul, sumSquares, type Tensor } from "@resd/tensor";
import { gpu } from "./_target.ts";
import { lowerGraph } from "./lower.ts";

const a = input("a", [8, 16]);
const b = input("b", [16, 8]);
const product = matMul(a, b);
const other = matMul(b, a);

const labelsOf = (outputs: Readonly<Record<string, Tensor>>, donated?: ReadonlySet<string>) =>
  lowerGraph(graph(outputs), gpu, donated).kernels.map(({ label }) => label);

const norms = { first: sumSquares(product), second: sumSquares(other) };

describe("sums to one number", () => {
  it("come last and together, where what they read is kept", () => {
    const labels = labelsOf({ ...norms, product, other });
    assert.deepStrictEqual(labels.slice(-2), ["sums of parts, 2 tensors", "sums of 2 tensors"]);
    assert.lengthOf(labels, 4);
  });

  it("come at once, where what they read could make room", () => {
    const labels = labelsOf(norms);
    assert.deepStrictEqual(
      labels.map((label) => label.split(" ")[0]),
      ["matMul", "sum", "matMul", "sum"],
    );
  });

  it("do not wait for inputs whose place a result may take", () => {
    const labels = labelsOf({ norm: sumSquares(a), product, other }, new Set(["a"]));
    assert.strictEqual(labels.filter((label) => label.startsWith("sum ")).length, 1);
    assert.notMatch(labels.at(-1)!, /^sum/u);
  });

  it("stay before what needs them", () => {
    const labels = labelsOf({
      product,
      other,
      second: norms.second,
      shifted: exp(add(product, norms.first)),
    });
    assert.isBelow(
      labels.findIndex((label) => label.startsWith("sum ")),
      labels.findIndex((label) => label.startsWith("add") || label.startsWith("exp")),
    );
  });

  it("are cut where a kernel cannot bind them all", () => {
    const inputs = Array.from({ length: 31 }, (_, n) => input(`x${n}`, [100 * n + 2]));
    const labels = labelsOf(Object.fromEntries(inputs.map((x, n) => [`n${n}`, sumSquares(x)])));
    assert.deepStrictEqual(labels, [
      "sums of parts, 15 tensors",
      "sums of parts, 15 tensors",
      "sums of parts, 1 tensors",
      "sums of 15 tensors",
      "sums of 15 tensors",
      "sums of 1 tensors",
    ]);
  });
});
