/** What one puzzle brings: everything else, from splits to feedback, is the kit's. */
import { type Random, type TestCase } from "@resd/core";
import type { Verdict } from "@resd/env-kit";

export const LEVELS = ["easy", "medium", "hard"] as const;
export type Level = (typeof LEVELS)[number];

/** A kind of puzzle over its own tasks, which are JSON. */
export interface Puzzle<Task> {
  readonly draw: (random: Random, level: Level) => Task;
  /** Rules, the task, and how to answer. */
  readonly problem: (task: Task) => string;
  /** An answer that solves it. */
  readonly gold: (task: Task) => string;
  /** Grades what stands in the answer's block: at most 2000 characters. */
  readonly grade: (answer: string, task: Task) => Verdict;
}

/** One part of an answer as a test: it passes if nothing is wrong with it. */
export const part = (id: string, wrong?: string): TestCase => ({
  id,
  visibility: "public",
  ...(wrong === undefined ? { status: "passed" } : { status: "failed", message: wrong }),
});
