import { assert, describe, it } from "vitest";
import { randomData, uniforms } from "./_finite_differences.ts";
import * as T from "./mod.ts";

type Data = Readonly<Record<string, ArrayLike<number>>>;

const run = (outputs: Readonly<Record<string, T.Tensor>>, data: Data) =>
  T.interpret(T.graph(outputs), data);

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>): void => {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) assert.closeTo(actual[i]!, expected[i]!, 1e-12);
};

describe("rope()", () => {
  it("rotates each pair (i, i + D/2) by its angle", () => {
    const [first, second] = [0.3, 1.1];
    const out = run(
      { x: T.rope(T.input("x", [1, 1, 1, 4]), T.input("cos", [1, 2]), T.input("sin", [1, 2])) },
      {
        x: [1, 2, 3, 4],
        cos: [Math.cos(first), Math.cos(second)],
        sin: [Math.sin(first), Math.sin(second)],
      },
    );
    close(out.x!, [
      Math.cos(first) - 3 * Math.sin(first),
      2 * Math.cos(second) - 4 * Math.sin(second),
      3 * Math.cos(first) + Math.sin(first),
      4 * Math.cos(second) + 2 * Math.sin(second),
    ]);
  });
});

describe("rmsNorm()", () => {
  it("divides by the root of the mean square and scales", () => {
    const x = T.rmsNorm(T.input("x", [2, 2]), T.input("w", [2]), 0.5);
    const out = run({ x }, { x: [3, 4, 0, 1], w: [1, 2] });
    close(out.x!, [3 / Math.sqrt(13), 8 / Math.sqrt(13), 0, 2]);
  });
});

describe("attention()", () => {
  const [B, H, G, time, S, D] = [2, 4, 2, 3, 5, 2] as const;

  /** One query head at a time, as the definition reads. */
  const byHand = (
    { q, k, v, mask }: Readonly<Record<"q" | "k" | "v" | "mask", ArrayLike<number>>>,
    scale: number,
    causal: boolean,
  ): ReadonlyArray<number> => {
    const out: Array<number> = [];
    for (let b = 0; b < B; b++) {
      for (let h = 0; h < H; h++) {
        const g = Math.floor((h * G) / H);
        for (let t = 0; t < time; t++) {
          const scores = Array.from({ length: S }, (_, s) => {
            let score = mask[b * S + s]!;
            if (causal && s > t + S - time) score += -1e9;
            for (let d = 0; d < D; d++) {
              score +=
                scale * q[((b * H + h) * time + t) * D + d]! * k[((b * G + g) * S + s) * D + d]!;
            }
            return score;
          });
          const greatest = Math.max(...scores);
          const weights = scores.map((score) => Math.exp(score - greatest));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (let d = 0; d < D; d++) {
            let value = 0;
            for (let s = 0; s < S; s++) {
              value += (weights[s]! / total) * v[((b * G + g) * S + s) * D + d]!;
            }
            out.push(value);
          }
        }
      }
    }
    return out;
  };

  const random = uniforms(2);
  const data = {
    q: randomData([B, H, time, D], random),
    k: randomData([B, G, S, D], random),
    v: randomData([B, G, S, D], random),
    mask: [0, 0, -1e9, 0, 0, 0, -1e9, 0, 0.5, 0],
  };
  const [q, k, v] = [
    T.input("q", [B, H, time, D]),
    T.input("k", [B, G, S, D]),
    T.input("v", [B, G, S, D]),
  ];
  const mask = T.input("mask", [B, 1, 1, S]);

  it("is what the definition says, head by head", () => {
    for (const causal of [false, true]) {
      const out = run({ out: T.attention(q, k, v, mask, { causal, scale: 0.7 }) }, data);
      close(out.out!, byHand(data, 0.7, causal));
    }
    const plain = run({ out: T.attention(q, k, v) }, data);
    close(plain.out!, byHand({ ...data, mask: new Float64Array(B * S) }, Math.SQRT1_2, false));
  });

  it("stays finite where a query sees nothing", () => {
    const out = run({ out: T.attention(q, k, v, mask) }, { ...data, mask: Array(10).fill(-1e9) });
    assert.isTrue(out.out!.every(Number.isFinite));
  });

  it("never repeats keys or values", () => {
    const { nodes } = T.lower(T.graph({ out: T.attention(q, k, v) }), () => false);
    const products = nodes.filter(({ op }) => op === "matMul");
    assert.deepEqual(
      products.map(({ inputs }) => inputs[1]!.node.op),
      ["input", "input"],
    );
    assert.isFalse(nodes.some(({ op }) => op === "broadcastTo" || op === "concat"));
  });
});

describe("adamw()", () => {
  it("is PyTorch's loop over five steps", () => {
    const [lr, beta1, beta2, eps, decay, gradScale] = [0.01, 0.9, 0.95, 1e-8, 0.1, 0.5];
    const shape = [3];
    const tensors = ["p", "g", "m", "v"].map((name) => T.input(name, shape));
    const next = T.adamw(tensors[0]!, tensors[1]!, tensors[2]!, tensors[3]!, T.input("h", [8]));
    const graph = T.graph({ ...next });
    const random = uniforms(4);

    let state: Data = { p: [1, -2, 0.5], m: [0, 0, 0], v: [0, 0, 0] };
    const p = [1, -2, 0.5];
    const m = [0, 0, 0];
    const v = [0, 0, 0];
    for (let step = 1; step <= 5; step++) {
      const g = randomData(shape, random);
      const corrections = [1 - beta1 ** step, 1 - beta2 ** step] as const;
      const h = [lr, beta1, beta2, eps, decay, ...corrections, gradScale];
      state = T.interpret(graph, { ...state, g, h });
      for (let i = 0; i < 3; i++) {
        const scaled = g[i]! * gradScale;
        p[i]! *= 1 - lr * decay;
        m[i] = beta1 * m[i]! + (1 - beta1) * scaled;
        v[i] = beta2 * v[i]! + (1 - beta2) * scaled * scaled;
        const denominator = Math.sqrt(v[i]!) / Math.sqrt(corrections[1]) + eps;
        p[i]! -= (lr / corrections[0]) * (m[i]! / denominator);
      }
      close(state.p!, p);
      close(state.m!, m);
      close(state.v!, v);
    }
  });
});

describe("lerp(), axpy() and sumSquares()", () => {
  it("compute a + rate·(b − a), a + scale·b and Σ x²", () => {
    const [a, b, rate] = [T.input("a", [2]), T.input("b", [2]), T.input("rate", [1])];
    const out = run(
      { lerp: T.lerp(a, b, rate), axpy: T.axpy(a, b, rate), squares: T.sumSquares(b) },
      { a: [1, 2], b: [3, -2], rate: [0.25] },
    );
    close(out.lerp!, [1.5, 1]);
    close(out.axpy!, [1.75, 1.5]);
    close(out.squares!, [13]);
  });
});

describe("cacheWrite()", () => {
  const cache = T.input("cache", [2, 2, 3, 1]);
  const rows = T.input("rows", [2, 2, 2, 1]);
  const written = T.cacheWrite(cache, rows, T.input("positions", [2], "i32"));
  const data = { cache: Array(12).fill(0), rows: [1, 2, 3, 4, 5, 6, 7, 8] };

  it("writes the rows of each sequence at its own position", () => {
    const { out } = run({ out: written }, { ...data, positions: [0, 1] });
    assert.deepEqual([...out!], [1, 2, 0, 3, 4, 0, 0, 5, 6, 0, 7, 8]);
  });

  it("refuses positions where the rows do not fit", () => {
    assert.throws(
      () => run({ out: written }, { ...data, positions: [0, 2] }),
      "cacheWrite: Expected ids from 0 to 1, got 2, at position 1",
    );
  });
});
