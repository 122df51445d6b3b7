/** KL(student‖teacher): α = 1. The student avoids what the teacher finds unlikely. */
import { add, exp, mul, sub, sum } from "@resd/tensor";
import type { BucketLoss } from "./bucket_loss.ts";

/** ℓ = Σ s (log s − log t̃); h = s (log s − log t̃ + 1) (f = −ln τ in arXiv 2605.12741, eq. 1). */
export const reverseKl: BucketLoss = {
  value: (logS, logT) => sum(mul(exp(logS), sub(logS, logT)), -1),
  slope: (logS, logT) => mul(exp(logS), add(sub(logS, logT), 1)),
};
