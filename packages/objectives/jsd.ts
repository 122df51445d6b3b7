/** Generalized Jensen–Shannon divergence: 0 < α < 1. */
import { add, exp, log, maximum, mul, sub, sum, type Tensor } from "@resd/tensor";
import type { BucketLoss } from "./bucket_loss.ts";

/** log(eᵃ + eᵇ), shifted by the greater. */
export const logAddExp = (a: Tensor, b: Tensor): Tensor => {
  const greater = maximum(a, b);
  return add(greater, log(add(exp(sub(a, greater)), exp(sub(b, greater)))));
};

/**
 * With m = (1−α)s + αt̃: ℓ = (1−α) Σ s (log s − log m) + α Σ t̃ (log t̃ − log m); h = (1−α) s (log s − log m), because
 * the mixture's own dependence on s cancels.
 *
 * Gotchas: not continuous with the two KLs, it tends to 0 at both ends; its gradient is scaled by 1−α, so a learning rate
 * does not carry over between values of α (trap T27).
 */
export const generalizedJsd = (alpha: number): BucketLoss => {
  const logMixture = (logS: Tensor, logT: Tensor): Tensor =>
    logAddExp(add(logS, Math.log(1 - alpha)), add(logT, Math.log(alpha)));
  return {
    value: (logS, logT) => {
      const logM = logMixture(logS, logT);
      const student = sum(mul(exp(logS), sub(logS, logM)), -1);
      const teacher = sum(mul(exp(logT), sub(logT, logM)), -1);
      return add(mul(student, 1 - alpha), mul(teacher, alpha));
    },
    slope: (logS, logT) => mul(mul(exp(logS), sub(logS, logMixture(logS, logT))), 1 - alpha),
  };
};
