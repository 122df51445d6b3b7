/** KL(teacher‖student): α = 0. The student covers all that the teacher finds likely. */
import { exp, mul, neg, sub, sum } from "@resd/tensor";
import type { BucketLoss } from "./bucket_loss.ts";

/** ℓ = Σ t̃ (log t̃ − log s); h = −t̃ (f = τ ln τ in arXiv 2605.12741, eq. 1). */
export const forwardKl: BucketLoss = {
  value: (logS, logT) => sum(mul(exp(logT), sub(logT, logS)), -1),
  slope: (_logS, logT) => neg(exp(logT)),
};
