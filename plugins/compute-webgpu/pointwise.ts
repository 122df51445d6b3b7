/** Operations on each element as WGSL expressions of their operands. */
import { attributesOf, type Node, type OpName, type Tensor } from "@resd/tensor";
import type { Writer } from "./writer.ts";

/** e^x − 1 by its series near 0, where the difference would lose all digits. */
const EXPM1 = `fn expm1_(x: f32) -> f32 {
  if (abs(x) > 0.5) { return exp(x) - 1.0; }
  return x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0 * (1.0 + x / 7.0 * (1.0 + x / 8.0)))))));
}`;

/** Beyond ±88 an f32 exponential over- or underflows; the result has long been 0 or 1. */
const SIGMOID = `fn sigmoid_(x: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(x, -88.0, 88.0))); }`;

/** Equal to ±1 beyond 10, where quotients of exponentials overflow; near 0 the quotient would lose digits. */
const TANH = `fn tanh_(x: f32) -> f32 {
  let e = expm1_(2.0 * clamp(x, -10.0, 10.0));
  return e / (e + 2.0);
}`;

/** Infinite and missing numbers become 0. */
const TRUNCATE = `fn truncate_(x: f32) -> i32 { return select(0, i32(x), abs(x) < 2147483648.0); }`;

type Unary = (writer: Writer, x: string) => string;
type Binary = (a: string, b: string, input: Tensor) => string;

const UNARY: Partial<Record<OpName, Unary>> = {
  neg: (_, x) => `-${x}`,
  abs: (_, x) => `abs(${x})`,
  exp: (_, x) => `exp(${x})`,
  log: (_, x) => `log(${x})`,
  sqrt: (_, x) => `sqrt(${x})`,
  rsqrt: (_, x) => `1.0 / sqrt(${x})`,
  reciprocal: (_, x) => `1.0 / ${x}`,
  expm1: (writer, x) => `${writer.helper("expm1_", EXPM1)}(${x})`,
  sigmoid: (writer, x) => `${writer.helper("sigmoid_", SIGMOID)}(${x})`,
  silu: (writer, x) => `${x} * ${writer.helper("sigmoid_", SIGMOID)}(${x})`,
  tanh: (writer, x) => {
    writer.helper("expm1_", EXPM1);
    return `${writer.helper("tanh_", TANH)}(${x})`;
  },
};

/** Booleans compare as numbers. */
const ordered =
  (operator: string): Binary =>
  (a, b, { dtype }) =>
    dtype === "bool" ? `u32(${a}) ${operator} u32(${b})` : `${a} ${operator} ${b}`;

const BINARY: Partial<Record<OpName, Binary>> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  maximum: (a, b) => `max(${a}, ${b})`,
  minimum: (a, b) => `min(${a}, ${b})`,
  equal: (a, b) => `${a} == ${b}`,
  less: ordered("<"),
  lessEqual: ordered("<="),
  logicalAnd: (a, b) => `${a} && ${b}`,
};

/** WGSL's pow is undefined below 0, so whole exponents are products. */
const pow = (writer: Writer, x: string, exponent: number): string => {
  if (Number.isInteger(exponent) && Math.abs(exponent) <= 8 && exponent !== 0) {
    const product = Array.from({ length: Math.abs(exponent) }, () => x).join(" * ");
    return exponent > 0 ? product : `1.0 / (${product})`;
  }
  if (exponent === 0) return "1.0";
  if (!Number.isInteger(exponent)) return `pow(${x}, ${writer.f(exponent)})`;
  const size = `pow(abs(${x}), ${writer.f(exponent)})`;
  return exponent % 2 === 0 ? size : `sign(${x}) * ${size}`;
};

const cast = (writer: Writer, node: Node, x: string): string => {
  const from = node.inputs[0]!.dtype;
  const { dtype } = node.outputs[0]!;
  switch (dtype) {
    case "bool":
      return from === "i32" ? `${x} != 0` : `${x} != 0.0`;
    case "i32":
      return from === "bool" ? `i32(${x})` : `${writer.helper("truncate_", TRUNCATE)}(${x})`;
    case "f32":
      return from === "f16" ? x : `f32(${x})`;
    case "f16":
      return from === "f32" ? `quantizeToF16(${x})` : `f32(${x})`;
  }
};

/** Whether an operation works on each element by itself, its operands broadcast to its shape. */
export const isPointwise = (op: OpName): boolean =>
  op in UNARY || op in BINARY || op === "pow" || op === "cast" || op === "where";

/** Roughly what an element costs: a transcendental function counts as four additions. */
export const costOf = (op: OpName): number => {
  if (["full", "reshape", "transpose", "broadcastTo", "slice"].includes(op)) return 0;
  return ["exp", "expm1", "log", "tanh", "sigmoid", "silu", "pow"].includes(op) ? 4 : 1;
};

/** The expression of one element. */
export const pointwise = (writer: Writer, node: Node, operands: ReadonlyArray<string>): string => {
  const [a, b, c] = operands as [string, string, string];
  const unary = UNARY[node.op];
  if (unary !== undefined) return unary(writer, a);
  const binary = BINARY[node.op];
  if (binary !== undefined) return binary(a, b, node.inputs[0]!);
  if (node.op === "where") return `select(${c}, ${b}, ${a})`;
  if (node.op === "pow") return pow(writer, a, attributesOf(node, "pow").exponent);
  if (node.op === "cast") return cast(writer, node, a);
  throw new Error(`Expected an operation on each element, got ${node.op}, at a fused kernel`);
};
