/**
 * RESD, the algorithm: attempts that failed become reflections, reflections become a playbook, and the playbook, the
 * reflections and the solutions found become the context of a teacher whose word-by-word judgement teaches the policy.
 *
 * @module
 */
export * from "./format/ask_policy.ts";
export * from "./format/chat.ts";
export * from "./format/compact.ts";
export * from "./format/fit_prompt.ts";
export * from "./format/json_reply.ts";
export * from "./format/thinking.ts";
export * from "./playbook/concise.ts";
export * from "./playbook/operations.ts";
export * from "./playbook/render.ts";
export * from "./playbook/sections.ts";
export * from "./playbook/snapshot.ts";
export * from "./playbook/state.ts";
export * from "./playbook/stats.ts";
export * from "./playbook/store.ts";
export * from "./playbook/tagging.ts";
