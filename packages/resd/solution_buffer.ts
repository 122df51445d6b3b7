/** Solved answers, kept as demonstrations for later attempts at the same task. */
import type { Attempt } from "@resd/core";
import type { SuccessRule } from "./config.ts";
import { answerText } from "./format/tool_calls.ts";

/** Whether an attempt counts as solved. */
export const isSolved = (attempt: Attempt, rule: SuccessRule): boolean =>
  rule === "success" ? attempt.success : attempt.reward >= rule.scoreAtLeast;

/** A solved answer as text, and as the tokens that were sampled. */
export interface Solution extends Pick<Attempt, "ids" | "from" | "mask" | "logProbs"> {
  readonly text: string;
}

/** One answer per task key. Unbounded: it holds at most one per training task. */
export interface SolutionBuffer {
  readonly get: (taskKey: string) => Solution | undefined;
  /** Stores the first solved attempt of each task; the newest call overwrites what was there. */
  readonly store: (attempts: ReadonlyArray<Attempt>, solved: ReadonlyArray<boolean>) => void;
  /** All of it, for a checkpoint: what `makeSolutionBuffer` takes. */
  readonly entries: () => ReadonlyArray<readonly [taskKey: string, solution: Solution]>;
}

/** A buffer with these answers in it; a task's newest answer replaces the one before. */
export const makeSolutionBuffer = (
  entries: Iterable<readonly [taskKey: string, solution: Solution]> = [],
): SolutionBuffer => {
  const answers = new Map(entries);
  return {
    get: (taskKey) => answers.get(taskKey),
    store: (attempts, solved) => {
      const stored = new Set<string>();
      attempts.forEach((attempt, i) => {
        if (solved[i] !== true || stored.has(attempt.taskKey)) return;
        stored.add(attempt.taskKey);
        const { ids, from, mask, logProbs } = attempt;
        answers.set(attempt.taskKey, { text: answerText(attempt), ids, from, mask, logProbs });
      });
    },
    entries: () => [...answers],
  };
};
