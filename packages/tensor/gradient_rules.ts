/** Vector-Jacobian products: how the gradient of an operation's outputs becomes that of its inputs. */
import { attributesOf } from "./apply.ts";
import { maskGradient } from "./attention_composites.ts";
import { backwardOf } from "./custom_vjp.ts";
import {
  add,
  cast,
  div,
  equal,
  less,
  lessEqual,
  mul,
  neg,
  pow,
  sigmoid,
  sub,
  where,
} from "./elementwise.ts";
import { gatherLast, gatherRows, scatterAddLast, scatterAddRows } from "./indexing.ts";
import { softmax } from "./linear.ts";
import { matMulGradient } from "./matmul_gradient.ts";
import { broadcastTo, pad, reshape, slice, sliceAxis, split, transpose } from "./movement.ts";
import type { OpName } from "./op_attributes.ts";
import { attentionGradient, rmsNormGradient, rope } from "./primitives.ts";
import { sum } from "./reductions.ts";
import { reducedShape, sameShape, type Shape } from "./shape.ts";
import { full } from "./sources.ts";
import { sumTo } from "./sum_to.ts";
import type { Node, Tensor } from "./tensor.ts";
import { ShapeError, TensorError } from "./tensor_error.ts";

/** What a rule is given. Gradients of outputs that nobody used are undefined, except of the only one. */
export interface RuleCall {
  readonly node: Node;
  readonly grads: ReadonlyArray<Tensor | undefined>;
  readonly outputs: ReadonlyArray<Tensor>;
  /** Which inputs want a gradient; a rule may leave the others undefined. */
  readonly wanted: ReadonlyArray<boolean>;
}

/** One gradient an input, of the input's shape; undefined for none. */
export type Rule = (call: RuleCall) => ReadonlyArray<Tensor | undefined>;

/** A rule of a function of one tensor: its gradient from g, x and y = f(x). */
const unary =
  (f: (g: Tensor, x: Tensor, y: Tensor) => Tensor): Rule =>
  ({ node, grads, outputs }) => [f(grads[0]!, node.inputs[0]!, outputs[0]!)];

/** A rule of a function that broadcasts two tensors; each gradient is summed over where its operand was stretched. */
const binary =
  (
    left: (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
    right: (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor,
  ): Rule =>
  ({ node, grads, outputs, wanted }) => {
    const [a, b] = node.inputs as [Tensor, Tensor];
    const [g] = grads as [Tensor];
    const [y] = outputs as [Tensor];
    return [
      wanted[0] ? sumTo(left(g, a, b, y), a.shape) : undefined,
      wanted[1] ? sumTo(right(g, a, b, y), b.shape) : undefined,
    ];
  };

const none: Rule = ({ node }) => node.inputs.map(() => undefined);

/** 1 where a < b, ½ where they are equal, else 0. */
const share = (a: Tensor, b: Tensor, like: Tensor): Tensor =>
  mul(add(cast(less(a, b), like.dtype), cast(lessEqual(a, b), like.dtype)), 0.5);

const kept = (shape: Shape, axes: ReadonlyArray<number>): Shape => reducedShape(shape, axes, true);

/** Σ over the last axis of what was scattered, from the few values themselves; undefined for other tensors. */
const sumOfScattered = ({ node }: Tensor): Tensor | undefined => {
  const parts = node.inputs;
  if (node.op === "scatterAddLast") return sum(parts[0]!, -1, true);
  if (node.op !== "add" || !sameShape(parts[0]!.shape, parts[1]!.shape)) return undefined;
  const [a, b] = [sumOfScattered(parts[0]!), sumOfScattered(parts[1]!)];
  return a && b && add(a, b);
};

/** g − softmax(x)·Σg, written so that a backend may scatter g straight into the product: add(product, scatter). */
const logSoftmaxRule = unary((g, x) =>
  add(mul(softmax(x), neg(sumOfScattered(g) ?? sum(g, -1, true))), g),
);

const maxRule: Rule = ({ node, grads, outputs }) => {
  const [x] = node.inputs as [Tensor];
  const { axes } = attributesOf(node, "max");
  const shape = kept(x.shape, axes);
  const greatest = cast(equal(x, reshape(outputs[0]!, shape)), x.dtype);
  return [mul(greatest, div(reshape(grads[0]!, shape), sum(greatest, axes, true)))];
};

const whereRule: Rule = ({ node, grads, wanted }) => {
  const [condition, a, b] = node.inputs as [Tensor, Tensor, Tensor];
  const [g] = grads as [Tensor];
  return [
    undefined,
    wanted[1] ? sumTo(where(condition, g, 0), a.shape) : undefined,
    wanted[2] ? sumTo(where(condition, 0, g), b.shape) : undefined,
  ];
};

const concatRule: Rule = ({ node, grads }) => {
  const { axis } = attributesOf(node, "concat");
  return split(
    grads[0]!,
    node.inputs.map(({ shape }) => shape[axis]!),
    axis,
  );
};

const sliceRule: Rule = ({ node, grads }) => {
  const { starts, ends } = attributesOf(node, "slice");
  const after = node.inputs[0]!.shape.map((size, axis) => size - ends[axis]!);
  return [pad(grads[0]!, starts, after)];
};

const padRule: Rule = ({ node, grads }) => {
  const { before } = attributesOf(node, "pad");
  const { shape } = node.inputs[0]!;
  const ends = shape.map((size, axis) => before[axis]! + size);
  return [slice(grads[0]!, before, ends)];
};

const transposeRule: Rule = ({ node, grads }) => {
  const { perm } = attributesOf(node, "transpose");
  return [
    transpose(
      grads[0]!,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ];
};

const topKRule: Rule = ({ node, grads, outputs }) => [
  grads[0] && scatterAddLast(grads[0], outputs[1]!, node.inputs[0]!.shape.at(-1)!),
];

/** The rotation backwards is the rotation by the opposite angle: one operation. */
const ropeRule: Rule = ({ node, grads, wanted }) => {
  const [x, cos, sin] = node.inputs as [Tensor, Tensor, Tensor];
  const [g] = grads as [Tensor];
  const half = x.shape[3]! / 2;
  const halves = (t: Tensor) =>
    [sliceAxis(t, -1, 0, half), sliceAxis(t, -1, half, 2 * half)] as const;
  const [x1, x2] = halves(x);
  const [g1, g2] = halves(g);
  return [
    wanted[0] ? rope(g, cos, neg(sin)) : undefined,
    wanted[1] ? sumTo(add(mul(g1, x1), mul(g2, x2)), cos.shape) : undefined,
    wanted[2] ? sumTo(sub(mul(g2, x1), mul(g1, x2)), sin.shape) : undefined,
  ];
};

const rmsNormRule: Rule = ({ node, grads }) => {
  const [x, weight] = node.inputs as [Tensor, Tensor];
  const { dx, dweight } = rmsNormGradient(x, weight, grads[0]!, attributesOf(node, "rmsNorm").eps);
  return [dx, dweight];
};

const attentionRule: Rule = ({ node, grads, outputs, wanted }) => {
  const [q, k, v, mask] = node.inputs as [Tensor, Tensor, Tensor, Tensor?];
  const [g] = grads as [Tensor];
  const [out, rows] = outputs as [Tensor, Tensor];
  const { scale, causal } = attributesOf(node, "attention");
  const { dq, dk, dv } = attentionGradient({ q, k, v, mask, out, rows, g }, { scale, causal });
  return [dq, dk, dv, wanted[3] ? maskGradient(node, g) : undefined].slice(0, node.inputs.length);
};

const customRule: Rule = ({ node, grads, outputs }) => {
  const inputs = node.inputs.slice(0, -1);
  const results = backwardOf(node)(grads[0]!, inputs, outputs[0]!);
  if (results.length !== inputs.length) {
    throw new TensorError(
      `customVjp: Expected ${inputs.length} gradients from backward, got ${results.length}; return one, or undefined, for each input`,
    );
  }
  results.forEach((result, index) => {
    const { shape } = inputs[index]!;
    if (result !== undefined && !sameShape(result.shape, shape)) {
      throw new ShapeError(
        "customVjp",
        `the gradient of input ${index} to have its shape`,
        [shape, result.shape],
        "sum over what was broadcast",
      );
    }
  });
  return [...results, undefined];
};

/** Operations without a rule are primitives: their composites are differentiated. */
export const RULES: Readonly<Partial<Record<OpName, Rule>>> = {
  neg: unary((g) => neg(g)),
  abs: unary((g, x) => where(less(0, x), g, where(less(x, 0), neg(g), full(0, [], g.dtype)))),
  exp: unary((g, _x, y) => mul(g, y)),
  expm1: unary((g, _x, y) => mul(g, add(y, 1))),
  log: unary((g, x) => div(g, x)),
  sqrt: unary((g, _x, y) => div(mul(g, 0.5), y)),
  rsqrt: unary((g, _x, y) => mul(mul(g, -0.5), mul(y, mul(y, y)))),
  reciprocal: unary((g, _x, y) => neg(mul(g, mul(y, y)))),
  sigmoid: unary((g, _x, y) => mul(g, mul(y, sub(1, y)))),
  silu: unary((g, x, y) => {
    const s = sigmoid(x);
    return mul(g, add(mul(y, sub(1, s)), s));
  }),
  tanh: unary((g, _x, y) => mul(g, sub(1, mul(y, y)))),
  pow: ({ node, grads }) => {
    const { exponent } = attributesOf(node, "pow");
    return [mul(grads[0]!, mul(pow(node.inputs[0]!, exponent - 1), exponent))];
  },
  cast: unary((g, x) => cast(g, x.dtype)),

  add: binary(
    (g) => g,
    (g) => g,
  ),
  sub: binary(
    (g) => g,
    (g) => neg(g),
  ),
  mul: binary(
    (g, _a, b) => mul(g, b),
    (g, a) => mul(g, a),
  ),
  div: binary(
    (g, _a, b) => div(g, b),
    (g, _a, b, y) => neg(div(mul(g, y), b)),
  ),
  maximum: binary(
    (g, a, b) => mul(g, share(b, a, g)),
    (g, a, b) => mul(g, share(a, b, g)),
  ),
  minimum: binary(
    (g, a, b) => mul(g, share(a, b, g)),
    (g, a, b) => mul(g, share(b, a, g)),
  ),
  where: whereRule,

  sum: ({ node, grads }) => {
    const { shape } = node.inputs[0]!;
    const { axes } = attributesOf(node, "sum");
    return [broadcastTo(reshape(grads[0]!, kept(shape, axes)), shape)];
  },
  max: maxRule,

  reshape: unary((g, x) => reshape(g, x.shape)),
  transpose: transposeRule,
  slice: sliceRule,
  concat: concatRule,
  pad: padRule,
  broadcastTo: unary((g, x) => sumTo(g, x.shape)),

  matMul: ({ node, grads, wanted }) => matMulGradient(node, grads[0]!, wanted),
  softmax: unary((g, _x, y) => mul(y, sub(g, sum(mul(g, y), -1, true)))),
  logSoftmax: logSoftmaxRule,

  gatherRows: ({ node, grads }) => [
    scatterAddRows(grads[0]!, node.inputs[1]!, node.inputs[0]!.shape[0]!),
    undefined,
  ],
  scatterAddRows: ({ node, grads }) => [gatherRows(grads[0]!, node.inputs[1]!), undefined],
  gatherLast: ({ node, grads }) => [
    scatterAddLast(grads[0]!, node.inputs[1]!, node.inputs[0]!.shape.at(-1)!),
    undefined,
  ],
  scatterAddLast: ({ node, grads }) => [gatherLast(grads[0]!, node.inputs[1]!), undefined],
  topK: topKRule,

  rope: ropeRule,
  rmsNorm: rmsNormRule,
  attention: attentionRule,

  stopGradient: none,
  customVjp: customRule,
  equal: none,
  less: none,
  lessEqual: none,
  logicalAnd: none,
};
