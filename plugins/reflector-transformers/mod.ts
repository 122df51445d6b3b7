/**
 * Reflections by a local ONNX instruct model, through transformers.js: no endpoint, no key, and the same words for the same
 * seed. Prose, so for policies that read the chat format.
 *
 * @module
 */
export { layer, Options } from "./reflector.ts";
