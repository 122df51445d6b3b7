import { assert, describe, it } from "vitest";
import { worstDifference } from "./_finite_differences.ts";
import * as T from "./mod.ts";

const run = (tensor: T.Tensor, inputs: Record<string, ArrayLike<number>>) => [
  ...T.interpret(T.graph({ tensor }), inputs).tensor!,
];

describe("customVjp()", () => {
  const x = T.input("x", [3]);

  it("replaces the derived gradient by the given one", () => {
    const clipped = T.customVjp(
      [x],
      ([a]) => T.exp(a!),
      (grad) => [T.mul(grad, 7)],
    );
    assert.deepEqual(run(clipped, { x: [0, 0, 0] }), [1, 1, 1]);
    const [g] = T.gradient(T.sum(T.mul(clipped, 2)), [x]);
    assert.deepEqual(run(g!, { x: [0, 0, 0] }), [14, 14, 14]);
  });

  it("hands backward the inputs and the output, so that closed forms share the forward pass", () => {
    const build = (a: T.Tensor, b: T.Tensor) =>
      T.customVjp(
        [a, b],
        ([p, q]) => T.mul(T.exp(p!), q!),
        (grad, [p], output) => [T.mul(grad, output), T.mul(grad, T.exp(p!))],
      );
    const shapes = { a: [2, 3], b: [2, 3] };
    assert.isAtMost(
      worstDifference(shapes, ({ a, b }) => build(a!, b!)),
      1e-6,
    );
    const [a, b] = [T.input("a", [2]), T.input("b", [2])];
    const loss = T.sum(build(a, b));
    const [da, db] = T.gradient(loss, [a, b]);
    const { nodes } = T.graph({ loss, da: da!, db: db! });
    assert.equal(nodes.filter(({ op }) => op === "exp").length, 1);
  });

  it("gives no gradient to an input whose gradient is undefined", () => {
    const y = T.input("y", [3]);
    const out = T.customVjp(
      [x, y],
      ([a, b]) => T.mul(a!, b!),
      (grad) => [grad, undefined],
    );
    const [dx, dy] = T.gradient(T.sum(out), [x, y]);
    assert.deepEqual(run(dx!, {}), [1, 1, 1]);
    assert.deepEqual(run(dy!, {}), [0, 0, 0]);
  });

  it("gives no gradient to what forward takes from outside its inputs", () => {
    const y = T.input("y", [3]);
    const out = T.customVjp(
      [x],
      ([a]) => T.mul(a!, y),
      (grad) => [grad],
    );
    assert.deepEqual(run(T.gradient(T.sum(out), [y])[0]!, {}), [0, 0, 0]);
  });

  it("names the input whose gradient has another shape, and a wrong number of gradients", () => {
    const wrong = T.customVjp(
      [x],
      ([a]) => T.exp(a!),
      (grad) => [T.sum(grad)],
    );
    assert.throws(
      () => T.gradient(T.sum(wrong), [x]),
      /customVjp: Expected the gradient of input 0 to have its shape, got \[3\] and \[\]/,
    );
    const few = T.customVjp(
      [x],
      ([a]) => T.exp(a!),
      () => [],
    );
    assert.throws(() => T.gradient(T.sum(few), [x]), /Expected 1 gradients from backward, got 0/);
  });
});
