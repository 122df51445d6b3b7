/**
 * Objectives: what a policy is asked to minimise, one loss a file, as graphs over logits, with the host-side numbers
 * that go with them (coefficients, weights, advantages). Symbols keep the letters of arXiv 2605.12741: p and q are the
 * student's and the teacher's next-token distributions, s and t their buckets, t̃ the clamped teacher, α, r_min, r_max.
 *
 * @module
 */
export * from "./advantages.ts";
export * from "./aggregate.ts";
export * from "./bucket_loss.ts";
export * from "./check.ts";
export * from "./clamp.ts";
export * from "./cross_entropy.ts";
export * from "./describe.ts";
export * from "./distribution.ts";
export * from "./entropy_weights.ts";
export * from "./error.ts";
export * from "./forward_kl.ts";
export * from "./importance.ts";
export * from "./jsd.ts";
export * from "./needs.ts";
export * from "./plan_losses.ts";
export * from "./policy_gradient.ts";
export * from "./position_ramp.ts";
export * from "./reverse_kl.ts";
export * from "./rlsd.ts";
export * from "./rollout_correction.ts";
export * from "./sampled_kl.ts";
export * from "./support.ts";
export * from "./target.ts";
export * from "./token_divergence.ts";
export * from "./token_filter.ts";
export * from "./token_log_prob.ts";
export * from "./token_losses.ts";
export * from "./token_readings.ts";
export * from "./weights.ts";
