/** Operations on each element. Two operands broadcast as in NumPy; a number stands for a scalar of the other's dtype. */
import { apply, toTensors } from "./apply.ts";
import type { OpName } from "./op_attributes.ts";
import type { DType, Operand, Tensor } from "./tensor.ts";

type Unary =
  | "neg"
  | "abs"
  | "exp"
  | "expm1"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "reciprocal"
  | "sigmoid"
  | "silu"
  | "tanh";
type Binary =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "minimum"
  | "equal"
  | "less"
  | "lessEqual"
  | "logicalAnd";

const unary =
  (op: Unary & OpName) =>
  (x: Tensor): Tensor =>
    apply(op, [x], {});

const binary =
  (op: Binary & OpName) =>
  (a: Operand, b: Operand): Tensor =>
    apply(op, toTensors([a, b]), {});

/** −x. */
export const neg = unary("neg");
/** |x|; its gradient at 0 is 0. */
export const abs = unary("abs");
/** eˣ. */
export const exp = unary("exp");
/** eˣ − 1, exact near 0. */
export const expm1 = unary("expm1");
/** Natural logarithm. */
export const log = unary("log");
/** √x. */
export const sqrt = unary("sqrt");
/** 1/√x. */
export const rsqrt = unary("rsqrt");
/** 1/x. */
export const reciprocal = unary("reciprocal");
/** 1/(1+e⁻ˣ). */
export const sigmoid = unary("sigmoid");
/** x·sigmoid(x). */
export const silu = unary("silu");
/** Hyperbolic tangent. */
export const tanh = unary("tanh");

/** a + b. */
export const add = binary("add");
/** a − b. */
export const sub = binary("sub");
/** a · b. */
export const mul = binary("mul");
/** a / b, floats only. */
export const div = binary("div");
/** The greater of both; where they are equal each gets half the gradient. */
export const maximum = binary("maximum");
/** The lesser of both; where they are equal each gets half the gradient. */
export const minimum = binary("minimum");
/** a = b → bool. */
export const equal = binary("equal");
/** a < b → bool. */
export const less = binary("less");
/** a ≤ b → bool. */
export const lessEqual = binary("lessEqual");
/** a ∧ b on bool. */
export const logicalAnd = binary("logicalAnd");

/** x to a constant exponent. Squares and first powers become products, which are exact and fast everywhere. */
export const pow = (x: Tensor, exponent: number): Tensor => {
  if (exponent === 1) return x;
  return exponent === 2 ? mul(x, x) : apply("pow", [x], { exponent });
};

/** a where the condition holds, else b; broadcasts over all three. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  apply("where", [condition, ...toTensors([a, b])], {});

/** The same values in another dtype: to i32 truncates, to bool asks x ≠ 0, from bool gives 0 and 1. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : apply("cast", [x], { dtype });
