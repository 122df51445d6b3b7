/**
 * Environments of one question and one answer with little more than their own logic: tasks from a generator (`questions`)
 * or from a file (`jsonl`), readers of answers, and grades that turn into rewards, tests and bounded feedback. For tasks of
 * several turns, episodes with tools (`toolEpisode`).
 *
 * @module
 */
export * from "./jsonl.ts";
export * from "./questions.ts";
export * from "./read_answer.ts";
export * from "./tool_episode.ts";
export * from "./verdict.ts";
