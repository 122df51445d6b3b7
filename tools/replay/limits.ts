/** How far two backends may come apart on the same batches. */
import type { UpdateErrors } from "./replay.ts";

/** Largest relative errors of each update. */
export const LIMITS = { loss: 1e-4, gradNorm: 1e-3, parameters: 1e-3 } as const;

const NAMES = { loss: "the loss", gradNorm: "the gradient norm", parameters: "the parameters" };

/** What of a replay is beyond the limits, as sentences. */
export const violations = (
  updates: ReadonlyArray<UpdateErrors>,
  limits: typeof LIMITS,
): ReadonlyArray<string> =>
  updates.flatMap((errors, i) =>
    (Object.keys(NAMES) as ReadonlyArray<keyof typeof NAMES>)
      .filter((key) => !(errors[key] <= limits[key]))
      .map(
        (key) =>
          `Expected an error of at most ${limits[key]}, got ${errors[key].toExponential(2)}, at ${NAMES[key]} of update ${i + 1}`,
      ),
  );
