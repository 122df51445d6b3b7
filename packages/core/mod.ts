/**
 * The seams of RESD as Effect services: environments, policies, compute backends, reflectors, curators, playbooks,
 * sandboxes and trackers, with the Schema types that cross them and the pure helpers plugin authors call.
 * No I/O and no model lives here.
 *
 * @module
 */
export * from "./attempt.ts";
export * from "./compute.ts";
export * from "./environment.ts";
export * from "./episode.ts";
export * from "./evaluation.ts";
export * from "./feedback.ts";
export * from "./file_failure.ts";
export * from "./lora.ts";
export * from "./objective.ts";
export * from "./playbook.ts";
export * from "./plugin.ts";
export * from "./policy.ts";
export * from "./probe.ts";
export * from "./prompt.ts";
export * from "./random.ts";
export * from "./reflection.ts";
export * from "./sandbox.ts";
export * from "./similarity.ts";
export * from "./stop_text.ts";
export * from "./tracker.ts";
