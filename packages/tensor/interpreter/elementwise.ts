import type { OpName } from "../op_attributes.ts";
import { broadcastStrides } from "../shape.ts";
import { type Call, type Kernel, offsetsOf } from "./kernel.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const unary =
  <Op extends OpName>(f: (x: number) => number): Kernel<Op> =>
  ({ inputs, outputs, allocate }) => {
    const [x] = inputs;
    const out = allocate(outputs[0]!);
    for (let i = 0; i < out.length; i++) out[i] = f(x![i]!);
    return [out];
  };

/** For each input, where each element of the result finds its operand. */
const operandOffsets = <Op extends OpName>({ types, outputs }: Call<Op>) => {
  const { shape } = outputs[0]!;
  return types.map((type) => offsetsOf(shape, broadcastStrides(type.shape, shape)));
};

const binary =
  <Op extends OpName>(f: (a: number, b: number) => number): Kernel<Op> =>
  (call) => {
    const [a, b] = call.inputs;
    const [atA, atB] = operandOffsets(call);
    const out = call.allocate(call.outputs[0]!);
    for (let i = 0; i < out.length; i++) out[i] = f(a![atA![i]!]!, b![atB![i]!]!);
    return [out];
  };

const where: Kernel<"where"> = (call) => {
  const [condition, a, b] = call.inputs;
  const [atCondition, atA, atB] = operandOffsets(call);
  const out = call.allocate(call.outputs[0]!);
  for (let i = 0; i < out.length; i++) {
    out[i] = condition![atCondition![i]!] === 0 ? b![atB![i]!]! : a![atA![i]!]!;
  }
  return [out];
};

/** Infinite and missing numbers become 0 in i32, as everywhere in the language. */
const cast: Kernel<"cast"> = (call) =>
  unary<"cast">(call.attributes.dtype === "bool" ? (x) => (x === 0 ? 0 : 1) : (x) => x)(call);

const pow: Kernel<"pow"> = (call) => unary<"pow">((x) => x ** call.attributes.exponent)(call);

export const elementwise = {
  neg: unary<"neg">((x) => -x),
  abs: unary<"abs">(Math.abs),
  exp: unary<"exp">(Math.exp),
  expm1: unary<"expm1">(Math.expm1),
  log: unary<"log">(Math.log),
  sqrt: unary<"sqrt">(Math.sqrt),
  rsqrt: unary<"rsqrt">((x) => 1 / Math.sqrt(x)),
  reciprocal: unary<"reciprocal">((x) => 1 / x),
  sigmoid: unary<"sigmoid">(sigmoid),
  silu: unary<"silu">((x) => x * sigmoid(x)),
  tanh: unary<"tanh">(Math.tanh),
  pow,
  cast,
  add: binary<"add">((a, b) => a + b),
  sub: binary<"sub">((a, b) => a - b),
  mul: binary<"mul">((a, b) => a * b),
  div: binary<"div">((a, b) => a / b),
  maximum: binary<"maximum">(Math.max),
  minimum: binary<"minimum">(Math.min),
  equal: binary<"equal">((a, b) => (a === b ? 1 : 0)),
  less: binary<"less">((a, b) => (a < b ? 1 : 0)),
  lessEqual: binary<"lessEqual">((a, b) => (a <= b ? 1 : 0)),
  logicalAnd: binary<"logicalAnd">((a, b) => a & b),
  where,
};
