/** The battery's cases for single operations. */
import {
  abs,
  add,
  broadcastTo,
  cast,
  concat,
  constant,
  div,
  equal,
  exp,
  expm1,
  full,
  gatherLast,
  gatherRows,
  less,
  lessEqual,
  log,
  logicalAnd,
  logSoftmax,
  logSumExp,
  matMul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  neg,
  pad,
  pow,
  reciprocal,
  reshape,
  rsqrt,
  scatterAddLast,
  scatterAddRows,
  sigmoid,
  silu,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  tanh,
  topK,
  transpose,
  where,
} from "@resd/tensor";
import { type BatteryCase, batteryCase, withGradients } from "./battery.ts";

const positive = (random: { readonly next: () => number }) => () => 0.1 + 3 * random.next();

export const elementwiseCases = (): ReadonlyArray<BatteryCase> => [
  batteryCase("unary", (given) => {
    const x = given.f32("x", [3, 5]);
    const y = given.f32("y", [3, 5], positive(given.random));
    const outputs = {
      neg: neg(x),
      abs: abs(x),
      exp: exp(x),
      expm1: expm1(x),
      sigmoid: sigmoid(x),
      silu: silu(x),
      tanh: tanh(x),
      log: log(y),
      sqrt: sqrt(y),
      rsqrt: rsqrt(y),
      reciprocal: reciprocal(y),
      cube: pow(x, 3),
      root: pow(y, 0.7),
    };
    return withGradients(given, outputs, { x, y });
  }),
  batteryCase("expm1-near-zero", (given) => ({
    // Scaled up, so that an exp(x) − 1 in single precision is far off.
    y: mul(expm1(given.f32("x", [9], (i) => (i - 4) * 3e-7)), 1e6),
  })),
  batteryCase("extreme-values", (given) => {
    const x = given.f32("x", [6], (i) => [-1e4, -80, -1e-3, 1e-3, 80, 1e4][i] as number);
    return { sigmoid: sigmoid(x), silu: silu(x), tanh: tanh(x), softmax: softmax(x) };
  }),
  batteryCase("binary-broadcast", (given) => {
    const a = given.f32("a", [2, 1, 4]);
    const b = given.f32("b", [3, 1], positive(given.random));
    const outputs = {
      add: add(a, b),
      sub: sub(a, b),
      mul: mul(a, b),
      div: div(a, b),
      maximum: maximum(a, b),
      minimum: minimum(a, b),
      scalar: add(mul(2, a), 0.5),
    };
    return withGradients(given, outputs, { a, b });
  }),
  batteryCase("comparisons", (given) => {
    const a = given.i32("a", [4, 5], 3);
    const b = given.i32("b", [5], 3);
    const c = given.bool("c", [4, 1]);
    const x = given.f32("x", [4, 5]);
    return {
      equal: equal(a, b),
      less: less(a, b),
      lessEqual: lessEqual(a, b),
      and: logicalAnd(c, less(x, 0)),
      where: where(c, x, neg(x)),
      chosen: where(equal(a, b), a, -7),
    };
  }),
  batteryCase("casts", (given) => {
    const x = given.f32("x", [6], (i) => [-2.7, -0.5, 0, 0.5, 2.7, 1e6][i] as number);
    const i = given.i32("i", [4], [-5, 0, 1, 1_000_000]);
    return {
      truncated: cast(x, "i32"),
      truth: cast(x, "bool"),
      float: cast(i, "f32"),
      counted: cast(less(x, 0), "f32"),
      sum: add(i, cast(cast(i, "bool"), "i32")),
    };
  }),
  batteryCase("large-ids-stay-exact", (given) => ({
    sum: add(given.i32("i", [3], [2 ** 24 + 1, -(2 ** 24) - 1, 2 ** 30 + 1]), 2),
  })),
];

export const shapeCases = (): ReadonlyArray<BatteryCase> => [
  batteryCase("reductions", (given) => {
    const x = given.f32("x", [3, 4, 5]);
    const outputs = {
      all: sum(x),
      first: sum(x, 0),
      middle: sum(x, 1, true),
      outer: sum(x, [0, 2]),
      mean: mean(x, [1, 2]),
      max: max(x, -1),
      maxOuter: max(x, [0, 1], true),
      logSumExp: logSumExp(x, 1),
    };
    return withGradients(given, outputs, { x });
  }),
  batteryCase("movement", (given) => {
    const x = given.f32("x", [2, 3, 4]);
    const y = given.f32("y", [2, 1, 4]);
    const outputs = {
      reshaped: reshape(x, [4, 6]),
      transposed: transpose(x),
      permuted: transpose(x, [2, 0, 1]),
      sliced: slice(x, [0, 1, 1], [2, 3, 3]),
      concatenated: concat([x, y, x], 1),
      padded: pad(x, [1, 0, 2], [0, 2, 1], -3),
      stretched: broadcastTo(y, [2, 3, 4]),
    };
    return withGradients(given, outputs, { x, y });
  }),
  batteryCase("outputs-of-every-kind", (given) => {
    const x = given.f32("x", [2, 2]);
    const y = add(x, 1);
    return {
      input: x,
      constant: constant([1, 2, 3], [3]),
      ids: constant([7, -8], [2], "i32"),
      full: full(0.25, [2, 3]),
      twice: y,
      again: y,
      view: reshape(x, [4]),
      scalar: sum(x),
    };
  }),
];

export const linearCases = (): ReadonlyArray<BatteryCase> => [
  ...[false, true].flatMap((transA) =>
    [false, true].map((transB) =>
      batteryCase(`matmul-${transA ? "t" : "n"}${transB ? "t" : "n"}`, (given) => {
        const a = given.f32("a", [2, 3, ...(transA ? [7, 5] : [5, 7])]);
        const b = given.f32("b", [3, ...(transB ? [4, 7] : [7, 4])]);
        return withGradients(
          given,
          { product: matMul(a, b, { transA, transB, alpha: 0.3 }) },
          { a, b },
        );
      }),
    ),
  ),
  batteryCase("matmul-wide", (given) => ({
    product: matMul(given.f32("a", [33, 96]), given.f32("b", [96, 130])),
  })),
  batteryCase("softmax-large-logits", (given) => {
    const x = given.f32("x", [4, 33], () => 1e3 * given.random.normal());
    return { softmax: softmax(x), logSoftmax: logSoftmax(x) };
  }),
  batteryCase("softmax-all-hidden", (given) => {
    // A row that sees nothing is uniform, not NaN.
    const x = given.f32("x", [2, 3], (i) => (i < 2 ? given.random.normal() : -1e9));
    return { softmax: softmax(x) };
  }),
  batteryCase("softmax-gradients", (given) => {
    const x = given.f32("x", [3, 17]);
    return withGradients(given, { softmax: softmax(x), logSoftmax: logSoftmax(x) }, { x });
  }),
];

export const indexingCases = (): ReadonlyArray<BatteryCase> => [
  batteryCase("gather-scatter", (given) => {
    const table = given.f32("table", [6, 4]);
    const rows = given.f32("rows", [2, 3, 4]);
    const ids = given.i32("ids", [2, 3], [5, 0, 5, 5, 2, 0]);
    const x = given.f32("x", [2, 7]);
    const columns = given.i32("columns", [2, 3], [6, 0, 6, 1, 1, 1]);
    const outputs = {
      rows: gatherRows(table, ids),
      added: scatterAddRows(rows, ids, 6),
      picked: gatherLast(x, columns),
      spread: scatterAddLast(given.f32("values", [2, 3]), columns, 7),
    };
    return withGradients(given, outputs, { table, rows, x });
  }),
  // Many rows on few ids, wide enough that a backend splits the work: adds that race lose some of them.
  batteryCase("scatter-rows-crowded", (given) => ({
    sum: scatterAddRows(given.f32("rows", [2048, 64]), given.i32("ids", [2048], 5), 16),
  })),
  batteryCase("scatter-last-crowded", (given) => ({
    sum: scatterAddLast(given.f32("values", [32, 256]), given.i32("ids", [32, 256], 3), 8),
  })),
  batteryCase("top-k", (given) => {
    const x = given.f32("x", [5, 40]);
    const { values, indices } = topK(x, 7);
    return { ...withGradients(given, { values }, { x }), indices };
  }),
  batteryCase("top-k-many", (given) => {
    const x = given.f32("x", [6, 300], () => Math.round(20 * given.random.normal()) / 20);
    return { ...topK(x, 130) };
  }),
  batteryCase("top-k-ties", (given) => {
    // Equal values come in the order of their indices; zeros are equal whatever their sign.
    const x = given.f32("x", [5, 12], (i) => (i < 48 ? i % 3 : i % 4 === 0 ? 0 : -0));
    const some = topK(x, 6);
    const all = topK(x, 12);
    return {
      values: some.values,
      indices: some.indices,
      allValues: all.values,
      allIndices: all.indices,
    };
  }),
];
