/**
 * The local policy on any compute backend: batched generation with a key-value cache, scoring, updates by
 * distillation, the teacher and its rules, optimizers, checkpoints, and pretraining.
 *
 * Arrays stay on the backend; the host lays out batches, keeps counters and reads small results.
 *
 * @module
 */
export { putArrays, releaseArrays } from "./arrays.ts";
export { fullRows, lengthBucket } from "./buckets.ts";
export { type AdapterFacts, checkAdapter } from "./check_adapter.ts";
export { type DiskParts, diskParts, planDisk } from "./disk_parts.ts";
export { exportModel, type ExportedModel, type ExportOptions } from "./export_model.ts";
export { generateBatch, type GenerationContext } from "./generate.ts";
export * from "./local_policy.ts";
export { planPolicy, planRun, type RunPlan, type RunShape } from "./memory/run_plan.ts";
export { modelOfAdapter, type ModelOrigin, modelOrigin } from "./model_source.ts";
export * from "./optim/adamw.ts";
export * from "./optim/muon.ts";
export * from "./optim/optimizer.ts";
export * from "./pretrain.ts";
export { makePrograms } from "./programs.ts";
