/**
 * What a seam promises, as laws: one suite per seam as data, usable from any test runner and without one. Beside them,
 * the parts that tests are made of.
 *
 * @module
 */
export * from "./attempts.ts";
export * from "./chat_model.ts";
export * from "./compute_laws.ts";
export * from "./curator_laws.ts";
export * from "./environment_laws.ts";
export * from "./evaluations.ts";
export * from "./interpreter_compute.ts";
export * from "./law.ts";
export { writeEmbeddingModel, writeInstructModel } from "./onnx_models.ts";
export * from "./linear_policy.ts";
export { type Step as PlaybookStep, randomStep as randomPlaybookStep } from "./playbook/steps.ts";
export * from "./playbook_laws.ts";
export * from "./policy_laws.ts";
export * from "./reflector_laws.ts";
export * from "./sandbox_laws.ts";
export * from "./scripted_policy.ts";
