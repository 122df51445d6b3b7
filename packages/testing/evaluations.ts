/** Evaluations for tests: whole ones, from the few things that a test is about. */
import type { Evaluation } from "@resd/core";

/** An evaluation in which every measure is the same share, of 64 tasks with four samples each. */
export const evaluationAt = (share: number, parts: Partial<Evaluation> = {}): Evaluation => ({
  perTask: share,
  perTest: share,
  bestOfK: share,
  bestPerTest: share,
  bestOfKBootstrap: share,
  bestPerTestBootstrap: share,
  perTaskStderr: 0,
  perTestStderr: 0,
  bestOfKStderr: 0,
  bestPerTestStderr: 0,
  k: 4,
  tasks: 64,
  attempts: 256,
  meanTokens: 10,
  truncated: 0,
  ...parts,
});
