/** The closed set of operations: what every backend, the autodiff and the interpreter are written against. */
import * as elementwise from "./infer/elementwise.ts";
import * as movement from "./infer/movement.ts";
import * as primitives from "./infer/primitives.ts";
import * as rows from "./infer/rows.ts";
import type { OpAttributes, OpName } from "./op_attributes.ts";
import type { TensorType } from "./tensor.ts";

/**
 * `core`: every backend has it. `primitive`: has a composite of core operations, which a backend that does not claim
 * it runs instead. `native`: every backend has it, and it has no gradient. `wrapper`: speaks to autodiff only and is
 * gone from a finished graph.
 */
export type OpKind = "core" | "primitive" | "native" | "wrapper";

/** What is known of an operation without running it. */
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

/** The whole operation set: what a backend has to know. */
export const OPS: { readonly [Op in OpName]: OpDefinition<Op> } = {
  input: core("a value given by name when the graph runs", elementwise.source),
  constant: core("data baked into the graph", elementwise.source),
  full: core("one value everywhere", elementwise.source),

  neg: core("−x", elementwise.numericUnary),
  abs: core("|x|", elementwise.numericUnary),
  exp: core("eˣ", elementwise.floatUnary),
  expm1: core("eˣ − 1, exact near 0", elementwise.floatUnary),
  log: core("natural logarithm", elementwise.floatUnary),
  sqrt: core("√x", elementwise.floatUnary),
  rsqrt: core("1/√x", elementwise.floatUnary),
  reciprocal: core("1/x", elementwise.floatUnary),
  sigmoid: core("1/(1+e⁻ˣ)", elementwise.floatUnary),
  silu: core("x·sigmoid(x)", elementwise.floatUnary),
  tanh: core("hyperbolic tangent", elementwise.floatUnary),
  pow: core("x to a constant exponent", elementwise.floatUnary),
  cast: core(
    "the same values in another dtype; to i32 truncates, to bool is x ≠ 0",
    elementwise.cast,
  ),

  add: core("a + b, broadcasting", elementwise.numericBinary),
  sub: core("a − b, broadcasting", elementwise.numericBinary),
  mul: core("a · b, broadcasting", elementwise.numericBinary),
  div: core("a / b, broadcasting", elementwise.floatBinary),
  maximum: core("the greater of a and b, broadcasting", elementwise.numericBinary),
  minimum: core("the lesser of a and b, broadcasting", elementwise.numericBinary),
  equal: core("a = b → bool, broadcasting", elementwise.comparison),
  less: core("a < b → bool, broadcasting", elementwise.comparison),
  lessEqual: core("a ≤ b → bool, broadcasting", elementwise.comparison),
  logicalAnd: core("a ∧ b on bool, broadcasting", elementwise.logical),
  where: core("a where the condition holds, else b, broadcasting", elementwise.where),

  sum: core("sum over axes", rows.reduction),
  max: core("greatest over axes", rows.reduction),

  reshape: core("the same elements in row-major order under another shape", movement.reshape),
  transpose: core("axis i of the result is axis perm[i] of x", movement.transpose),
  slice: core("elements starts ≤ i < ends of every axis", movement.slice),
  concat: core("tensors one after another along an axis", movement.concat),
  pad: core("a constant border before and after every axis", movement.pad),
  broadcastTo: core("x stretched to a shape", movement.broadcastTo),

  matMul: core("alpha · op(a)·op(b) over the last two axes, leading axes broadcast", rows.matMul),
  softmax: core("softmax over the last axis", rows.rowwise),
  logSoftmax: core("log softmax over the last axis", rows.rowwise),

  gatherRows: core("table[V,D], ids[…] → [...,D]: rows of a table", rows.gatherRows),
  scatterAddRows: core(
    "rows[…,D], ids[…] → [V,D]: adds each row to its id's; duplicates add up",
    rows.scatterAddRows,
  ),
  gatherLast: core("x[…,V], ids[…,K] → […,K]: elements of the last axis", rows.gatherLast),
  scatterAddLast: core(
    "values[…,K], ids[…,K] → […,V]: adds each value at its id; duplicates add up",
    rows.scatterAddLast,
  ),
  topK: core("x[…,V] → values […,K] descending, indices i32; ties to the lower index", rows.topK),

  rope: primitive("x[B,H,T,D] with its halves rotated by cos/sin [… T,D/2]", primitives.rope),
  rmsNorm: primitive("x·rsqrt(mean(x²)+eps)·weight over the last axis", primitives.rmsNorm),
  rmsNormGradient: primitive(
    "x, weight, g → the gradients of rmsNorm's x and weight",
    primitives.rmsNormGradient,
  ),
  attention: primitive(
    "softmax(scale·q·kᵀ + mask)·v with grouped queries, and the greatest score and log-sum of each row",
    primitives.attention,
  ),
  attentionGradient: primitive(
    "q, k, v, attention's results, g, mask → the gradients of q, k and v",
    primitives.attentionGradient,
  ),
  cachedAttention: primitive(
    "attention of one new token a row over a cache and itself",
    primitives.cachedAttention,
  ),
  adamw: primitive(
    "p, g, m, v, hyper[8] → the parameter and both moments after one AdamW step",
    primitives.adamw,
  ),
  lerp: primitive("a + rate·(b − a)", primitives.scaledPair),
  axpy: primitive("a + scale·b", primitives.scaledPair),
  sumSquares: primitive("Σ x² → [1]", primitives.sumSquares),

  cacheWrite: native(
    "cache[B,G,C,D] with rows[B,G,T,D] written at positions[b]…",
    primitives.cacheWrite,
  ),
  sample: native(
    "logits[B,V] and uniforms[B] → drawn ids and their raw log-probabilities",
    primitives.sample,
  ),

  stopGradient: wrapper("x, through which no gradient flows", elementwise.identity),
  customVjp: wrapper(
    "its last input, with a gradient of its own for the others",
    elementwise.customVjp,
  ),
};

/**
 * Primitives that are passes of several steps. A backend without kernels for them takes them apart before anything else, so
 * that forward and backward passes share what they have in common.
 */
export const PASSES: ReadonlySet<OpName> = new Set<OpName>([
  "rmsNormGradient",
  "attention",
  "attentionGradient",
  "cachedAttention",
]);
