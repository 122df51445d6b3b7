import { assert, describe, it } from "vitest";
import { randomData, uniforms, worstDifference } from "./_finite_differences.ts";
import * as T from "./mod.ts";

type Inputs = Readonly<Record<string, T.Tensor>>;

describe("gradient() of a two-layer Llama", () => {
  const [B, time, D, H, G, F, V] = [2, 4, 8, 4, 2, 6, 11] as const;
  const head = D / H;
  const layer = {
    norm1: [D],
    q: [D, D],
    k: [G * head, D],
    v: [G * head, D],
    o: [D, D],
    norm2: [D],
    gate: [F, D],
    up: [F, D],
    down: [D, F],
  } as const;
  const shapes: Record<string, T.Shape> = { embedding: [V, D], norm: [D] };
  for (const i of [0, 1]) {
    for (const [name, shape] of Object.entries(layer)) shapes[`${i}.${name}`] = shape;
  }

  const logProbs = (p: Inputs): T.Tensor => {
    const angles = Array.from({ length: time }, (_, t) => t);
    const cos = T.constant(angles.map(Math.cos), [time, 1]);
    const sin = T.constant(angles.map(Math.sin), [time, 1]);
    const linear = (x: T.Tensor, w: T.Tensor) => T.matMul(x, w, { transB: true });
    const heads = (x: T.Tensor, n: number) =>
      T.transpose(T.reshape(x, [B, time, n, head]), [0, 2, 1, 3]);
    let h = T.gatherRows(p.embedding!, T.input("ids", [B, time], "i32"));
    for (const i of [0, 1]) {
      const w = (name: keyof typeof layer) => p[`${i}.${name}`]!;
      const x = T.rmsNorm(h, w("norm1"), 1e-5);
      const q = T.rope(heads(linear(x, w("q")), H), cos, sin);
      const k = T.rope(heads(linear(x, w("k")), G), cos, sin);
      const v = heads(linear(x, w("v")), G);
      const mixed = T.attention(q, k, v, undefined, { causal: true });
      const joined = T.reshape(T.transpose(mixed, [0, 2, 1, 3]), [B, time, D]);
      h = T.add(h, linear(joined, w("o")));
      const y = T.rmsNorm(h, w("norm2"), 1e-5);
      const gated = T.mul(T.silu(linear(y, w("gate"))), linear(y, w("up")));
      h = T.add(h, linear(gated, w("down")));
    }
    const logits = linear(T.rmsNorm(h, p.norm!, 1e-5), p.embedding!);
    return T.gatherLast(T.logSoftmax(logits), T.input("targets", [B, time, 1], "i32"));
  };
  const fixed = { ids: [1, 2, 1, 3, 4, 10, 0, 0], targets: [2, 1, 3, 4, 10, 0, 0, 7] };

  it("agrees with finite differences in every parameter, with a tied embedding", () => {
    assert.isAtMost(worstDifference(shapes, logProbs, { fixed }), 1e-6);
  });

  it("gives in f32 what it gives in f64, to f32's precision", () => {
    const names = Object.keys(shapes);
    const p = Object.fromEntries(names.map((name) => [name, T.input(name, shapes[name]!)]));
    const gradients = T.gradient(
      T.sum(logProbs(p)),
      names.map((name) => p[name]!),
    );
    const graph = T.graph(Object.fromEntries(names.map((name, i) => [name, gradients[i]!])));
    const random = uniforms(1);
    const data: Record<string, ArrayLike<number>> = { ...fixed };
    for (const name of names) data[name] = Float32Array.from(randomData(shapes[name]!, random));
    const exact = T.interpret(graph, data);
    const single = T.interpret(graph, data, { precision: "f32" });
    for (const name of names) {
      const scale = Math.max(...exact[name]!.map(Math.abs));
      exact[name]!.forEach((value, i) =>
        assert.closeTo(single[name]![i]!, value, 1e-5 * scale, name),
      );
    }
  });
});
