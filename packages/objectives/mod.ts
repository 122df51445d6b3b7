/**
 * Objectives: what a policy is asked to minimise, one loss a file, as graphs over logits, with the host-side numbers
 * that go with them (coefficients, weights, advantages). Symbols keep the letters of arXiv 2605.12741: p and q are the
 * student's and the teacher's next-token distributions, s and t their buckets, t̃ the clamped teacher, α, r_min, r_max.
 *
 * @module
 */
export * from "./advantages.ts";
export * from "./aggregate.ts";
export * from "./check.ts";
export * from "./describe.ts";
export * from "./error.ts";
export * from "./needs.ts";
export * from "./position_ramp.ts";
export * from "./rlsd.ts";
export * from "./rollout_correction.ts";
export * from "./weights.ts";
