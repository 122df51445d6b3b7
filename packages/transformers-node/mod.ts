/**
 * ONNX models through transformers.js: where they come from, how they are loaded and closed, and what is said when they
 * are not there.
 *
 * @module
 */
export * from "./load_model.ts";
