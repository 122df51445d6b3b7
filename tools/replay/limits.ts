/** How far two backends may come apart on the same batches. */
import type { ReplayReport } from "./replay.ts";

/** Largest relative errors: of each update's loss and gradient norm, and of the parameters at the end. */
export const LIMITS = { loss: 1e-4, gradNorm: 1e-3, parameters: 1e-3 } as const;

/** What of a report is beyond the limits, as sentences. */
export const violations = (report: ReplayReport, limits: typeof LIMITS): ReadonlyArray<string> => {
  const beyond = (what: string, error: number, limit: number): ReadonlyArray<string> =>
    error <= limit
      ? []
      : [`Expected an error of at most ${limit}, got ${error.toExponential(2)}, at ${what}`];
  return [
    ...report.updates.flatMap(({ loss, gradNorm }, i) => [
      ...beyond(`the loss of update ${i + 1}`, loss, limits.loss),
      ...beyond(`the gradient norm of update ${i + 1}`, gradNorm, limits.gradNorm),
    ]),
    ...beyond("the parameters", report.parameters, limits.parameters),
  ];
};
