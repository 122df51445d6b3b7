/** Which solution, if any, the teacher of an attempt is shown. */
import type { Attempt, SignalReason } from "@resd/core";
import { answerText } from "./format/tool_calls.ts";
import type { SolutionBuffer } from "./solution_buffer.ts";

/** A solution as text, and whose it is. */
export interface Demonstration {
  readonly source: Extract<
    SignalReason,
    "own-solution" | "peer-solution" | "buffered-solution" | "gold-solution"
  >;
  readonly text: string;
}

/**
 * One choice per attempt. Where the environment's gold solutions are asked for, every attempt is shown its task's, whatever
 * was found (OPSD, arXiv 2601.18734). Else, in this order:
 *
 * 1. A solved attempt shows its own answer, or nothing at all when `ownSolution` is off: never a peer's.
 * 2. The first solved attempt at the same task in this update; there can only be one when n > 1.
 * 3. What the buffer holds of the task. No buffer, no third choice.
 */
export const demonstrations = (
  attempts: ReadonlyArray<Attempt>,
  solved: ReadonlyArray<boolean>,
  choice: {
    readonly ownSolution: boolean;
    readonly buffer?: SolutionBuffer;
    /** Gold solutions by task key. */
    readonly gold?: ReadonlyMap<string, string>;
  },
): ReadonlyArray<Demonstration | undefined> => {
  const { gold } = choice;
  if (gold !== undefined) {
    return attempts.map(({ taskKey }) => ({
      source: "gold-solution",
      text: gold.get(taskKey) ?? "",
    }));
  }
  const firstSolved = new Map<string, Attempt>();
  attempts.forEach((attempt, i) => {
    if (solved[i] === true && !firstSolved.has(attempt.taskKey)) {
      firstSolved.set(attempt.taskKey, attempt);
    }
  });
  return attempts.map((attempt, i): Demonstration | undefined => {
    if (solved[i] === true) {
      return choice.ownSolution ? { source: "own-solution", text: answerText(attempt) } : undefined;
    }
    const peer = firstSolved.get(attempt.taskKey);
    if (peer !== undefined) return { source: "peer-solution", text: answerText(peer) };
    const buffered = choice.buffer?.get(attempt.taskKey);
    return buffered === undefined
      ? undefined
      : { source: "buffered-solution", text: buffered.text };
  });
};
