/** The closed set of operations: what every backend, the autodiff and the interpreter are written against. */
import * as infer from "./infer.ts";
import type { OpAttributes, OpName } from "./op_attributes.ts";
import type { TensorType } from "./tensor.ts";

/**
 * `core`: every backend has it. `primitive`: has a composite of core operations, which a backend that does not claim
 * it runs instead. `native`: every backend has it, and it has no gradient. `wrapper`: speaks to autodiff only and is
 * gone from a finished graph.
 */
export type OpKind = "core" | "primitive" | "native" | "wrapper";

export interface OpDefinition<Op extends OpName> {
  readonly kind: OpKind;
  /** What it computes, in one line. */
  readonly doc: string;
  /** Types of the outputs; throws a ShapeError or TensorError that says what is wrong. */
  readonly infer: (
    op: OpName,
    inputs: ReadonlyArray<TensorType>,
    attributes: OpAttributes[Op],
  ) => ReadonlyArray<TensorType>;
}

type Infer<A> = (
  op: OpName,
  inputs: ReadonlyArray<TensorType>,
  attributes: A,
) => ReadonlyArray<TensorType>;

const row =
  <Kind extends OpKind>(kind: Kind) =>
  <A>(doc: string, inferTypes: Infer<A>) => ({ kind, doc, infer: inferTypes });
const core = row("core");
const primitive = row("primitive");
const native = row("native");
const wrapper = row("wrapper");

export const OPS: { readonly [Op in OpName]: OpDefinition<Op> } = {
  input: core("a value given by name when the graph runs", infer.source),
  constant: core("data baked into the graph", infer.source),
  full: core("one value everywhere", infer.source),

  neg: core("−x", infer.numericUnary),
  abs: core("|x|", infer.numericUnary),
  exp: core("eˣ", infer.floatUnary),
  expm1: core("eˣ − 1, exact near 0", infer.floatUnary),
  log: core("natural logarithm", infer.floatUnary),
  sqrt: core("√x", infer.floatUnary),
  rsqrt: core("1/√x", infer.floatUnary),
  reciprocal: core("1/x", infer.floatUnary),
  sigmoid: core("1/(1+e⁻ˣ)", infer.floatUnary),
  silu: core("x·sigmoid(x)", infer.floatUnary),
  tanh: core("hyperbolic tangent", infer.floatUnary),
  pow: core("x to a constant exponent", infer.floatUnary),
  cast: core("the same values in another dtype; to i32 truncates, to bool is x ≠ 0", infer.cast),

  add: core("a + b, broadcasting", infer.numericBinary),
  sub: core("a − b, broadcasting", infer.numericBinary),
  mul: core("a · b, broadcasting", infer.numericBinary),
  div: core("a / b, broadcasting", infer.floatBinary),
  maximum: core("the greater of a and b, broadcasting", infer.numericBinary),
  minimum: core("the lesser of a and b, broadcasting", infer.numericBinary),
  equal: core("a = b → bool, broadcasting", infer.comparison),
  less: core("a < b → bool, broadcasting", infer.comparison),
  lessEqual: core("a ≤ b → bool, broadcasting", infer.comparison),
  logicalAnd: core("a ∧ b on bool, broadcasting", infer.logical),
  where: core("a where the condition holds, else b, broadcasting", infer.where),

  sum: core("sum over axes", infer.reduction),
  max: core("greatest over axes", infer.reduction),

  reshape: core("the same elements in row-major order under another shape", infer.reshape),
  transpose: core("axis i of the result is axis perm[i] of x", infer.transpose),
  slice: core("elements starts ≤ i < ends of every axis", infer.slice),
  concat: core("tensors one after another along an axis", infer.concat),
  pad: core("a constant border before and after every axis", infer.pad),
  broadcastTo: core("x stretched to a shape", infer.broadcastTo),

  matMul: core("alpha · op(a)·op(b) over the last two axes, leading axes broadcast", infer.matMul),
  softmax: core("softmax over the last axis", infer.rowwise),
  logSoftmax: core("log softmax over the last axis", infer.rowwise),

  gatherRows: core("table[V,D], ids[…] → [...,D]: rows of a table", infer.gatherRows),
  scatterAddRows: core(
    "rows[…,D], ids[…] → [V,D]: adds each row to its id's; duplicates add up",
    infer.scatterAddRows,
  ),
  gatherLast: core("x[…,V], ids[…,K] → […,K]: elements of the last axis", infer.gatherLast),
  scatterAddLast: core(
    "values[…,K], ids[…,K] → […,V]: adds each value at its id; duplicates add up",
    infer.scatterAddLast,
  ),
  topK: core("x[…,V] → values […,K] descending, indices i32; ties to the lower index", infer.topK),

  rope: primitive("x[B,H,T,D] with its halves rotated by cos/sin [… T,D/2]", infer.rope),
  rmsNorm: primitive("x·rsqrt(mean(x²)+eps)·weight over the last axis", infer.rmsNorm),
  attention: primitive("softmax(scale·q·kᵀ + mask)·v with grouped queries", infer.attention),
  adamw: primitive(
    "p, g, m, v, hyper[8] → the parameter and both moments after one AdamW step",
    infer.adamw,
  ),
  lerp: primitive("a + rate·(b − a)", infer.scaledPair),
  axpy: primitive("a + scale·b", infer.scaledPair),
  sumSquares: primitive("Σ x² → [1]", infer.sumSquares),

  cacheWrite: native(
    "cache[B,G,C,D] with rows[B,G,T,D] written at positions[b]…",
    infer.cacheWrite,
  ),
  sample: native(
    "logits[B,V] and uniforms[B] → drawn ids and their raw log-probabilities",
    infer.sample,
  ),

  stopGradient: wrapper("x, through which no gradient flows", infer.identity),
  customVjp: wrapper("its last input, with a gradient of its own for the others", infer.customVjp),
};
