/**
 * Lessons compared by what they mean: cosine similarity of sentence embeddings by a local ONNX model, through
 * transformers.js.
 *
 * @module
 */
export { layer, Options } from "./similarity.ts";
