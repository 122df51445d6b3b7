/**
 * Traced tensor graphs: a small closed set of operations with static shapes, reverse-mode gradients as graph
 * rewriting, and a naive interpreter that is the oracle of every backend. Imports nothing.
 *
 * Constructors build nodes, `gradient` adds the backward pass as ordinary nodes, `graph` makes the finished, shared
 * and hashed form that a backend compiles, `interpret` runs it.
 *
 * Axes are letters at the end of a tensor's name, as in `logits_BTV`:
 * B batch · T time (queries) · S time (keys) · C cache capacity · V vocabulary · D model or head width · F feed-forward
 * width · H query heads · G key-value heads · K top-k · N rows of a flattened batch · L layers.
 *
 * @example
 * ```ts
 * import { gradient, graph, input, interpret, matMul, mean, mul, sub } from "@resd/tensor";
 *
 * const x_BD = input("x", [2, 3]);
 * const w_DV = input("w", [3, 1]);
 * const error = sub(matMul(x_BD, w_DV), input("y", [2, 1]));
 * const loss = mean(mul(error, error));
 * const [dw] = gradient(loss, [w_DV]);
 * const program = graph({ loss, dw: dw! }, { name: "regression" });
 * const result = interpret(program, { x: [1, 2, 3, 4, 5, 6], w: [0, 0, 0], y: [1, 2] });
 * // result.loss is 2.5; result.dw is [-9, -12, -15]
 * ```
 *
 * @module
 */
export { applyAll, attributesOf } from "./apply.ts";
export { decompose } from "./composites.ts";
export { type Backward, customVjp, stopGradient } from "./custom_vjp.ts";
export * from "./elementwise.ts";
export { gradient } from "./gradient.ts";
export {
  type Claims,
  type Graph,
  graph,
  type GraphInput,
  type GraphOutput,
  lower,
} from "./graph.ts";
export * from "./graph_cost.ts";
export * from "./indexing.ts";
export { interpret, type InterpretOptions, type Values } from "./interpret.ts";
export * from "./linear.ts";
export {
  broadcastTo,
  concat,
  pad,
  reshape,
  slice,
  sliceAxis,
  split,
  transpose,
} from "./movement.ts";
export * from "./op_attributes.ts";
export * from "./ops.ts";
export * from "./primitives.ts";
export { printGraph } from "./print_graph.ts";
export { type Axes, logSumExp, max, mean, sum } from "./reductions.ts";
export { sampleRow, type SampleRowSettings } from "./sample_row.ts";
export { after, checkpoint } from "./sequence.ts";
export { broadcastShapes, sameShape, type Shape, sizeOf } from "./shape.ts";
export * from "./sources.ts";
export * from "./tensor.ts";
export * from "./tensor_error.ts";
