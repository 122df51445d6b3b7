/**
 * RESD, the algorithm: attempts that failed become reflections, reflections become a playbook, and the playbook, the
 * reflections and the solutions found become the context of a teacher whose word-by-word judgement teaches the policy.
 *
 * @module
 */
export * from "./abilities.ts";
export * from "./best.ts";
export * from "./compose.ts";
export * from "./config.ts";
export * from "./context_update.ts";
export * from "./cross_fit.ts";
export * from "./demonstration.ts";
export * from "./detect/diagnose.ts";
export * from "./detect/finding.ts";
export type { RunHistory, UpdateRow } from "./detect/history.ts";
export * from "./error.ts";
export * from "./evaluate.ts";
export * from "./format/ask_policy.ts";
export * from "./format/chat.ts";
export { type CuratorOperation, chatPrompts } from "./format/chat_prompts.ts";
export * from "./format/compact.ts";
export * from "./format/dispensable.ts";
export * from "./format/fit_prompt.ts";
export * from "./format/json_reply.ts";
export * from "./format/message_format.ts";
export * from "./format/prompt_file.ts";
export * from "./format/shorten.ts";
export * from "./format/thinking.ts";
export * from "./format/tool_calls.ts";
export * from "./imitation.ts";
export * from "./interval.ts";
export * from "./journal.ts";
export * from "./learning_rate.ts";
export * from "./measure.ts";
export * from "./metrics.ts";
export * from "./playbook/concise.ts";
export * from "./playbook/near_duplicates.ts";
export * from "./playbook/operations.ts";
export * from "./playbook/render.ts";
export * from "./playbook/sections.ts";
export * from "./playbook/snapshot.ts";
export * from "./playbook/state.ts";
export * from "./playbook/stats.ts";
export * from "./playbook/store.ts";
export * from "./playbook/tagging.ts";
export * from "./phases.ts";
export * from "./playbook_history.ts";
export * from "./presets.ts";
export * from "./probes.ts";
export * from "./protocol.ts";
export * from "./rank_sum.ts";
export * from "./rollout.ts";
export * from "./rollout_request.ts";
export * from "./run_state.ts";
export * from "./schedule.ts";
export * from "./signal.ts";
export * from "./solution_buffer.ts";
export * from "./step.ts";
export * from "./stream.ts";
export * from "./student_playbook.ts";
export * from "./summary.ts";
export * from "./task_scores.ts";
export * from "./teach.ts";
export * from "./teacher_context.ts";
export * from "./train.ts";
export * from "./variants.ts";
export * from "./watch.ts";
