/** Operations on each number for itself. */
import { CONTRIB, float, int } from "../emitter.ts";
import { ELEMENT } from "../onnx_proto.ts";
import { direct, type Rule } from "./rule.ts";

export const ELEMENTWISE_RULES: Readonly<Record<string, Rule>> = {
  neg: direct("Neg"),
  exp: direct("Exp"),
  log: direct("Log"),
  sqrt: direct("Sqrt"),
  reciprocal: direct("Reciprocal"),
  sigmoid: direct("Sigmoid"),
  tanh: direct("Tanh"),
  abs: direct("Abs"),
  rsqrt: (emitter, _node, [x]) => [emitter.emit("Reciprocal", [emitter.emit("Sqrt", [x!])])],
  // exp(x) − 1 = 2·tanh(x/2) / (1 − tanh(x/2)): keeps its precision near zero, which ONNX has no operator for.
  expm1: (emitter, _node, [x]) => {
    const t = emitter.emit("Tanh", [emitter.emit("Mul", [x!, emitter.scalar(0.5)])]);
    return [
      emitter.emit("Div", [
        emitter.emit("Mul", [t, emitter.scalar(2)]),
        emitter.emit("Sub", [emitter.scalar(1), t]),
      ]),
    ];
  },
  silu: (emitter, _node, [x]) => [emitter.emit("QuickGelu", [x!], [float("alpha", 1)], CONTRIB)],
  add: direct("Add"),
  sub: direct("Sub"),
  mul: direct("Mul"),
  div: direct("Div"),
  maximum: direct("Max"),
  minimum: direct("Min"),
  pow: (emitter, node, [x]) => {
    const { exponent } = node.attributes as { readonly exponent: number };
    return [
      exponent === 2
        ? emitter.emit("Mul", [x!, x!])
        : emitter.emit("Pow", [x!, emitter.scalar(exponent)]),
    ];
  },
  equal: direct("Equal"),
  less: direct("Less"),
  lessEqual: direct("LessOrEqual"),
  logicalAnd: direct("And"),
  where: direct("Where"),
  cast: (emitter, node, [x]) => [
    emitter.emit("Cast", [x!], [int("to", ELEMENT[node.outputs[0]!.dtype])]),
  ],
};
