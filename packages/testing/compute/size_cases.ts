/** The battery's cases for sizes at which kernels go wrong: none, one, one more than a workgroup, more than a dispatch has rows. */
import {
  add,
  attention,
  concat,
  gatherLast,
  gatherRows,
  matMul,
  max,
  mul,
  pad,
  rope,
  scatterAddLast,
  scatterAddRows,
  softmax,
  sum,
  sumSquares,
  topK,
  transpose,
} from "@resd/tensor";
import { type BatteryCase, batteryCase, withGradients } from "./battery.ts";

/** Rows of a case; dispatches of 65,535 workgroups along an axis end below the last. */
const SIZES = [0, 1, 65, 70_001] as const;

const casesOf = (rows: number): ReadonlyArray<BatteryCase> => [
  batteryCase(`size-${rows}-elementwise`, (given) => {
    const x = given.f32("x", [rows, 3]);
    const y = given.f32("y", [3]);
    return withGradients(given, { sum: add(mul(x, y), 2) }, { x, y });
  }),
  batteryCase(`size-${rows}-movement`, (given) => {
    const x = given.f32("x", [rows, 2]);
    return {
      transposed: transpose(x),
      padded: pad(x, [1, 0], [2, 1], 7),
      joined: concat([x, x], 1),
    };
  }),
  batteryCase(`size-${rows}-reductions`, (given) => {
    const x = given.f32("x", [rows, 3]);
    return { rows: sum(x, -1), columns: sum(x, 0), squares: sumSquares(x), max: max(x, -1) };
  }),
  batteryCase(`size-${rows}-softmax`, (given) => {
    const x = given.f32("x", [rows, 5]);
    return withGradients(given, { softmax: softmax(x) }, { x });
  }),
  batteryCase(`size-${rows}-matmul`, (given) => {
    const a = given.f32("a", [rows, 3]);
    const b = given.f32("b", [3, 2]);
    return withGradients(given, { product: matMul(a, b) }, { a, b });
  }),
  batteryCase(`size-${rows}-indexing`, (given) => {
    const table = given.f32("table", [7, 3]);
    const ids = given.i32("ids", [rows], 7);
    const x = given.f32("x", [rows, 4]);
    const columns = given.i32("columns", [rows, 2], 4);
    return {
      ...withGradients(given, { rows: gatherRows(table, ids) }, { table }),
      added: scatterAddRows(x, ids, 7),
      picked: gatherLast(x, columns),
      spread: scatterAddLast(gatherLast(x, columns), columns, 5),
    };
  }),
  batteryCase(`size-${rows}-top-k`, (given) => ({ ...topK(given.f32("x", [rows, 6]), 2) })),
  batteryCase(`size-${rows}-attention`, (given) => {
    const q = given.f32("q", [1, 2, rows, 4]);
    const k = given.f32("k", [1, 1, 3, 4]);
    const v = given.f32("v", [1, 1, 3, 4]);
    return withGradients(given, { attended: attention(q, k, v) }, { q, k, v });
  }),
  batteryCase(`size-${rows}-rope`, (given) => ({
    rotated: rope(
      given.f32("x", [1, 2, rows, 4]),
      given.f32("cos", [rows, 2]),
      given.f32("sin", [rows, 2]),
    ),
  })),
];

/** Heads of many widths, and more keys than any tile holds. */
const headsOf = (D: number): BatteryCase =>
  batteryCase(`heads-of-${D}`, (given) => {
    const q = given.f32("q", [1, 2, 21, D]);
    const k = given.f32("k", [1, 1, 150, D]);
    const v = given.f32("v", [1, 1, 150, D]);
    const mask = given.f32("mask", [21, 150], (i) => ((i * 7) % 11 === 0 ? -1e9 : 0));
    return withGradients(given, { attended: attention(q, k, v, mask) }, { q, k, v });
  });

export const sizeCases = (): ReadonlyArray<BatteryCase> => [
  ...SIZES.flatMap(casesOf),
  ...[32, 256].map(headsOf),
];
