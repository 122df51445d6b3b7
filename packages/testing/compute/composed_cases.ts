/** The battery's cases for primitives that backends may claim, and for whole passes. */
import {
  adamw,
  add,
  attention,
  axpy,
  cachedAttention,
  cacheWrite,
  concat,
  constant,
  div,
  gatherLast,
  gatherRows,
  gradient,
  less,
  lerp,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  reshape,
  rmsNorm,
  rope,
  sample,
  silu,
  slice,
  sum,
  sumSquares,
  type Tensor,
  transpose,
  where,
} from "@resd/tensor";
import { type BatteryCase, batteryCase, type Given, withGradients } from "./battery.ts";

const HYPER = [1e-2, 0.9, 0.99, 1e-8, 0.1, 1 - 0.9 ** 3, 1 - 0.99 ** 3, 0.5];

/** cos and sin of rotary angles [T, D/2]. */
const rotary = (given: Given, T: number, half: number): readonly [Tensor, Tensor] => {
  const angle = (i: number): number => Math.floor(i / half) / 10 ** ((4 * (i % half)) / half);
  return [
    given.f32("cos", [T, half], (i) => Math.cos(angle(i))),
    given.f32("sin", [T, half], (i) => Math.sin(angle(i))),
  ];
};

export const primitiveCases = (): ReadonlyArray<BatteryCase> => [
  batteryCase("rope", (given) => {
    const x = given.f32("x", [2, 3, 5, 8]);
    const [cos, sin] = rotary(given, 5, 4);
    return withGradients(given, { rotated: rope(x, cos, sin) }, { x });
  }),
  batteryCase("rms-norm", (given) => {
    const x = given.f32("x", [3, 25, 16]);
    const weight = given.f32("weight", [16]);
    return withGradients(given, { normed: rmsNorm(x, weight, 1e-5) }, { x, weight });
  }),
  ...[
    { name: "attention-causal", H: 2, G: 2, T: 6, S: 6, causal: true },
    { name: "attention-grouped", H: 6, G: 2, T: 5, S: 5, causal: true },
    { name: "attention-continued", H: 4, G: 1, T: 2, S: 7, causal: true },
    { name: "attention-full", H: 3, G: 3, T: 4, S: 9, causal: false },
    { name: "attention-long", H: 2, G: 1, T: 37, S: 70, causal: true, D: 8 },
    { name: "attention-odd", H: 2, G: 1, T: 5, S: 5, causal: true, D: 6 },
  ].map(({ name, H, G, T, S, causal, D = 8 }) =>
    batteryCase(name, (given) => {
      const B = 2;
      const q = given.f32("q", [B, H, T, D]);
      const k = given.f32("k", [B, G, S, D]);
      const v = given.f32("v", [B, G, S, D]);
      return withGradients(
        given,
        { attended: attention(q, k, v, undefined, { causal }) },
        { q, k, v },
      );
    }),
  ),
  batteryCase("attention-masked", (given) => {
    const q = given.f32("q", [2, 4, 3, 8]);
    const k = given.f32("k", [2, 2, 8, 8]);
    const v = given.f32("v", [2, 2, 8, 8]);
    const whole = given.f32("mask", [2, 1, 1, 12], (i) => (i % 12 > 2 + i / 12 ? -1e9 : 0));
    const mask = slice(whole, [0, 0, 0, 0], [2, 1, 1, 8]);
    return withGradients(given, { attended: attention(q, k, v, mask) }, { q, k, v });
  }),
  batteryCase("attention-blind", (given) => {
    // The first row sees nothing: all its scores are the mask's, so its weights are even.
    const q = given.f32("q", [2, 2, 3, 8], (i) => (i < 48 ? 0 : given.random.normal()));
    const k = given.f32("k", [2, 1, 5, 8]);
    const v = given.f32("v", [2, 1, 5, 8]);
    const mask = given.f32("mask", [2, 1, 3, 5], (i) => (i < 15 ? -1e9 : -(i % 3)));
    return withGradients(given, { attended: attention(q, k, v, mask) }, { q, v });
  }),
  batteryCase("attention-of-views", (given) => {
    // As a decoder has them: heads are columns of rows, and so is the gradient.
    const rows = given.f32("rows", [2 * 6, 4 * 8 + 2 * 8]);
    const heads = (from: number, count: number) =>
      transpose(
        reshape(slice(rows, [0, from], [12, from + count * 8]), [2, 6, count, 8]),
        [0, 2, 1, 3],
      );
    const [q, k] = [heads(0, 4), heads(32, 2)];
    const out = reshape(
      transpose(attention(q, k, k, undefined, { causal: true }), [0, 2, 1, 3]),
      [12, 32],
    );
    return withGradients(given, { out }, { rows });
  }),
  ...[1, 4].map((R) =>
    batteryCase(`attention-cached-${R}`, (given) => {
      // A short cache in one piece, a longer one in several.
      const [B, G, C, D] = [3, 2, R === 1 ? 9 : 37, 8];
      const lengths = [0, 5, C];
      const one = [B, G, 1, D];
      const pass = {
        q: given.f32("q", [B, G, R, D]),
        k: given.f32("k", one),
        v: given.f32("v", one),
        keys: given.f32("keys", [B, G, C, D]),
        values: given.f32("values", [B, G, C, D]),
        mask: given.f32("mask", [B, 1, 1, C], (i) =>
          i % C < (lengths[Math.floor(i / C)] as number) ? 0 : -1e9,
        ),
      };
      return { attended: cachedAttention(pass, 0.4) };
    }),
  ),
  batteryCase("adamw", (given) => {
    const shape = [7, 9];
    return {
      ...adamw(
        given.f32("p", shape),
        given.f32("g", shape),
        given.f32("m", shape),
        given.f32("v", shape, () => given.random.next()),
        given.f32("hyper", [8], (i) => HYPER[i] as number),
      ),
    };
  }),
  batteryCase("lerp-axpy-sum-squares", (given) => {
    const a = given.f32("a", [5, 13]);
    const b = given.f32("b", [5, 13]);
    return {
      lerp: lerp(
        a,
        b,
        given.f32("rate", [1], () => 0.01),
      ),
      axpy: axpy(
        a,
        b,
        given.f32("scale", [1], () => -2.5),
      ),
      squares: sumSquares(a),
    };
  }),
  batteryCase("norms-of-many", (given) => {
    // More tensors than a kernel may bind, from one number to several parts of a thread and of a workgroup.
    const sizes = [1, 2, 65, 1024, 1025, 128, 4097, 33, 129, 9001, 7, 64, 3, 255, 31, 511, 12, 100];
    const tensors = sizes.map((size, n) => given.f32(`x${n}`, n % 2 === 0 ? [size] : [1, size, 1]));
    const norms = tensors.map((x, n): [string, Tensor] => [`norm${n}`, sumSquares(x)]);
    return { ...Object.fromEntries(norms), product: sum(mul(tensors[2]!, given.f32("y", [65]))) };
  }),
  batteryCase("cache-write", (given) => ({
    cache: cacheWrite(
      given.f32("cache", [3, 2, 9, 4]),
      given.f32("rows", [3, 2, 2, 4]),
      given.i32("positions", [3], [0, 7, 3]),
    ),
  })),
  ...[
    { name: "sample-raw", topK: 0, temperature: 1, topP: 1 },
    { name: "sample-greedy", topK: 0, temperature: 0, topP: 1 },
    { name: "sample-top-p", topK: 0, temperature: 0.7, topP: 0.8 },
    { name: "sample-top-k", topK: 4, temperature: 1.3, topP: 0.9 },
  ].map(({ name, topK, temperature, topP }) =>
    batteryCase(name, (given) => {
      const B = 64;
      return {
        ...sample(
          given.f32("logits", [B, 37], () => 3 * given.random.normal()),
          given.f32("uniforms", [B], (i) => (i === 0 ? 0 : given.random.next() * 0.999)),
          given.f32("temperature", [B], () => temperature),
          given.f32("topP", [B], () => topP),
          { topK },
        ),
      };
    }),
  ),
];

/** One decoder block over tied embeddings: what an update runs, small. */
const decoder = (given: Given) => {
  const [B, T, D, H, G, F, V] = [2, 7, 16, 4, 2, 24, 11];
  const Dh = D / H;
  const scaled = (fan: number) => (): number => given.random.normal() / Math.sqrt(fan);
  const parameters = {
    embedding: given.f32("embedding", [V, D]),
    norm: given.f32("norm", [D], () => 1 + 0.1 * given.random.normal()),
    query: given.f32("query", [D, D], scaled(D)),
    key: given.f32("key", [G * Dh, D], scaled(D)),
    value: given.f32("value", [G * Dh, D], scaled(D)),
    output: given.f32("output", [D, D], scaled(D)),
    gate: given.f32("gate", [F, D], scaled(D)),
    up: given.f32("up", [F, D], scaled(D)),
    down: given.f32("down", [D, F], scaled(F)),
  };
  const ids = given.i32("ids", [B, T], V);
  const [cos, sin] = rotary(given, T, Dh / 2);
  const linear = (x: Tensor, weight: Tensor): Tensor => matMul(x, weight, { transB: true });
  const heads = (x: Tensor, count: number): Tensor =>
    transpose(reshape(x, [B, T, count, Dh]), [0, 2, 1, 3]);

  let x = gatherRows(parameters.embedding, ids);
  const a = rmsNorm(x, parameters.norm, 1e-5);
  const attended = attention(
    rope(heads(linear(a, parameters.query), H), cos, sin),
    rope(heads(linear(a, parameters.key), G), cos, sin),
    heads(linear(a, parameters.value), G),
    undefined,
    { causal: true },
  );
  x = add(x, linear(reshape(transpose(attended, [0, 2, 1, 3]), [B, T, D]), parameters.output));
  const b = rmsNorm(x, parameters.norm, 1e-5);
  x = add(
    x,
    linear(mul(silu(linear(b, parameters.gate)), linear(b, parameters.up)), parameters.down),
  );
  const logits = linear(
    reshape(rmsNorm(x, parameters.norm, 1e-5), [B * T, D]),
    parameters.embedding,
  );
  const targets = given.i32("targets", [B * T, 1], V);
  const loss = neg(mean(gatherLast(logSoftmax(logits), targets)));
  return { parameters, logits, loss };
};

export const passCases = (): ReadonlyArray<BatteryCase> => [
  batteryCase("decoder-forward", (given) => {
    const { logits, loss } = decoder(given);
    return { logits, loss };
  }),
  batteryCase("decoder-backward", (given) => {
    const { parameters, loss } = decoder(given);
    const gradients = gradient(loss, Object.values(parameters));
    const named = Object.fromEntries(
      Object.keys(parameters).map((name, i) => [`gradient of ${name}`, gradients[i] as Tensor]),
    );
    const squares = sum(concat(gradients.map(sumSquares), 0));
    return { loss, squares, ...named };
  }),
  batteryCase("clip-and-step", (given) => {
    // The update of every parameter depends on the gradients of all.
    const { parameters, loss } = decoder(given);
    const gradients = gradient(loss, Object.values(parameters));
    const squares = sum(concat(gradients.map(sumSquares), 0));
    const clip = constant([1], [1]);
    const factor = where(less(squares, clip), constant([1], [1]), div(clip, squares));
    return Object.fromEntries(
      Object.entries(parameters).map(([name, parameter], i) => [
        `next ${name}`,
        axpy(parameter, mul(gradients[i] as Tensor, factor), constant([-0.1], [1])),
      ]),
    );
  }),
];
