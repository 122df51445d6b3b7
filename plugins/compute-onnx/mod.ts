/**
 * Compute on ONNX Runtime, the default backend: runs on every CPU that npm has a binary for, without any toolkit.
 * A graph is lowered to one ONNX model; optimizers, cache writes, sampling and embedding gradients are fused loops.
 *
 * @module
 */
export { layer } from "./compute_onnx.ts";
export { Options } from "./options.ts";
