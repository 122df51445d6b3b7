/** Rewrites that cannot change a result: what comes out has the same values, bit for bit (but for the sign of a zero). */
import type { OpName } from "./op_attributes.ts";
import { broadcastShapes, sameShape, type Shape } from "./shape.ts";
import type { Attributes, Tensor, TensorType } from "./tensor.ts";

/** Makes, or finds, a simplified tensor. */
export type Make = (op: OpName, inputs: ReadonlyArray<Tensor>, attributes: Attributes) => Tensor;

/** A node before it is made. */
export interface Draft {
  readonly op: OpName;
  readonly inputs: ReadonlyArray<Tensor>;
  readonly attributes: Attributes;
  /** The type of its first output. */
  readonly type: TensorType;
}

const BROADCASTING = new Set<OpName>([
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "equal",
  "less",
  "lessEqual",
  "logicalAnd",
  "where",
]);

const isFull = (x: Tensor, value?: number): boolean =>
  x.node.op === "full" && (value === undefined || x.node.attributes.value === value);

const fullOf = (x: Tensor, shape: Shape, make: Make): Tensor =>
  make("full", [], { value: x.node.attributes.value as number, shape, dtype: x.dtype });

/** An operand as small as broadcasting allows, which leaves the shape of the result as it is. */
const shrunk = ({ inputs, type }: Draft, position: number, make: Make): Tensor | undefined => {
  const x = inputs[position]!;
  const fits = (shape: Shape): boolean => {
    const joint = inputs.reduce<Shape>(
      (all, other, i) => broadcastShapes(all, i === position ? shape : other.shape)!,
      [],
    );
    return sameShape(joint, type.shape);
  };
  if (x.node.op === "broadcastTo" && fits(x.node.inputs[0]!.shape)) return x.node.inputs[0];
  if (isFull(x) && x.shape.length > 0 && fits([])) return fullOf(x, [], make);
  return undefined;
};

/** x, where the other operand leaves it as it is. */
const neutral = (draft: Draft): Tensor | undefined => {
  const [a, b] = draft.inputs as [Tensor, Tensor];
  const kept = (x: Tensor): Tensor | undefined =>
    sameShape(x.shape, draft.type.shape) ? x : undefined;
  switch (draft.op) {
    case "add":
      return (isFull(b, 0) ? kept(a) : undefined) ?? (isFull(a, 0) ? kept(b) : undefined);
    case "mul":
      return (isFull(b, 1) ? kept(a) : undefined) ?? (isFull(a, 1) ? kept(b) : undefined);
    case "sub":
      return isFull(b, 0) ? kept(a) : undefined;
    case "div":
      return isFull(b, 1) ? kept(a) : undefined;
    default:
      return undefined;
  }
};

const moved = ({ op, inputs, attributes, type }: Draft, make: Make): Tensor | undefined => {
  const x = inputs[0]!;
  if (isFull(x)) return fullOf(x, type.shape, make);
  if (op !== "transpose" && sameShape(x.shape, type.shape)) return x;
  if (op === "transpose") {
    const perm = attributes.perm as ReadonlyArray<number>;
    if (perm.every((axis, index) => axis === index)) return x;
    if (x.node.op !== "transpose") return undefined;
    const inner = x.node.attributes.perm as ReadonlyArray<number>;
    return make("transpose", x.node.inputs, { perm: perm.map((axis) => inner[axis]!) });
  }
  return op !== "slice" && x.node.op === op ? make(op, x.node.inputs, attributes) : undefined;
};

/** A simpler tensor with the same values, or undefined. */
export const simplify = (draft: Draft, make: Make): Tensor | undefined => {
  const { op, inputs, attributes, type } = draft;
  if (BROADCASTING.has(op)) {
    const same = neutral(draft);
    if (same !== undefined) return same;
    for (let position = 0; position < inputs.length; position++) {
      const smaller = shrunk(draft, position, make);
      if (smaller !== undefined) return make(op, inputs.with(position, smaller), attributes);
    }
    return undefined;
  }
  switch (op) {
    case "stopGradient":
      return inputs[0];
    case "customVjp":
      return inputs.at(-1);
    case "neg":
      return inputs[0]!.node.op === "neg" ? inputs[0]!.node.inputs[0] : undefined;
    case "cast":
      return inputs[0]!.dtype === type.dtype ? inputs[0] : undefined;
    case "concat":
      return inputs.length === 1 ? inputs[0] : undefined;
    case "pad":
      return sameShape(inputs[0]!.shape, type.shape) ? inputs[0] : undefined;
    case "sum":
    case "max": {
      const axes = attributes.axes as ReadonlyArray<number>;
      return axes.every((axis) => inputs[0]!.shape[axis] === 1)
        ? make("reshape", inputs, { shape: type.shape })
        : undefined;
    }
    case "reshape":
    case "transpose":
    case "broadcastTo":
    case "slice":
      return moved(draft, make);
    default:
      return undefined;
  }
};
