/** What lies between student and teacher: softer targets than the teacher itself, or harder ones. */
import type { Target } from "@resd/core";
import { add, mul, stopGradient, type Tensor } from "@resd/tensor";
import { logAddExp } from "./jsd.ts";

/** Logits (1 − β)z + βzᵀ where that is what the target says, else zᵀ. The student's z is detached. */
export const targetLogits = (
  student: Tensor,
  teacher: Tensor,
  target: Target | undefined,
): Tensor =>
  target?.space === "logits"
    ? add(mul(stopGradient(student), 1 - target.beta), mul(teacher, target.beta))
    : teacher;

/**
 * log((1 − β)s + βt) where that is what the target says, else log t: bucket by bucket, of the sampled token as well. The
 * student's s is detached. Comes before the clamps; a teacher's ratio to the student is at least 1 − β then anyway.
 */
export const targetLogProbs = (logS: Tensor, logT: Tensor, target: Target | undefined): Tensor =>
  target?.space === "probabilities" && target.beta < 1
    ? logAddExp(
        add(stopGradient(logS), Math.log(1 - target.beta)),
        add(logT, Math.log(target.beta)),
      )
    : logT;
