/** Learning solved answers by heart: supervised fine-tuning on what the policy itself has found. */
import type { Attempt, SignalReason, TrainSample } from "@resd/core";
import type { SolutionBuffer } from "./solution_buffer.ts";

type Suffix = Pick<Attempt, "ids" | "from" | "mask" | "logProbs">;

const sampleOf = (
  id: string,
  { ids, from, mask, logProbs }: Suffix,
  signal: SignalReason,
  weight: number,
): TrainSample => ({
  id,
  student: { ids, from },
  mask: signal.startsWith("none:") ? new Uint8Array(mask.length) : mask,
  weight,
  behaviour: logProbs,
  signal,
});

/**
 * One sample per attempt, for the objective CrossEntropy: a solved attempt is learned as it is. Of a task without one, the
 * first attempt stands for the task's cached solution, behind the prompt that it answered. All others teach nothing.
 *
 * Gotcha: a cached solution was sampled by older weights, so its part of `logProbGap` says how far they have moved.
 */
export const imitations = (
  attempts: ReadonlyArray<Attempt>,
  solved: ReadonlyArray<boolean>,
  weights: ReadonlyArray<number>,
  buffer: SolutionBuffer | undefined,
): ReadonlyArray<TrainSample> => {
  const known = new Set(
    attempts.flatMap(({ taskKey }, i) => (solved[i] === true ? [taskKey] : [])),
  );
  return attempts.map((attempt, i) => {
    const { id, taskKey } = attempt;
    const weight = weights[i] as number;
    if (solved[i] === true) return sampleOf(id, attempt, "own-solution", weight);
    const cached = known.has(taskKey) ? undefined : buffer?.get(taskKey);
    if (cached === undefined) return sampleOf(id, attempt, "none:no-solution", weight);
    known.add(taskKey);
    return sampleOf(id, cached, "buffered-solution", weight);
  });
};
