/** The learning-rate schedule: linear warm-up, then constant. */
import type { Warmup } from "./config.ts";

/**
 * Rate of inner update `update` (from 0). It advances once per update, whether or not the step was skipped.
 *
 * Gotcha: with `from: "zero"`, as the released code has it, the first update has rate 0 (trap T10).
 */
export const learningRate = (update: number, lr: number, warmup: Warmup): number => {
  const steps = warmup.from === "zero" ? update : update + 1;
  return warmup.updates === 0 ? lr : lr * Math.min(1, steps / warmup.updates);
};
