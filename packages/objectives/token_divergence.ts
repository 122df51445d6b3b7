/** The self-distillation loss of every token. */
import type { Distill } from "@resd/core";
import { customVjp, mul, reshape, stopGradient, type Tensor } from "@resd/tensor";
import type { BucketLoss } from "./bucket_loss.ts";
import { checkObjective } from "./check.ts";
import { clampTeacher } from "./clamp.ts";
import { distribution, entropy } from "./distribution.ts";
import { ObjectiveError } from "./error.ts";
import { forwardKl } from "./forward_kl.ts";
import { generalizedJsd } from "./jsd.ts";
import { reverseKl } from "./reverse_kl.ts";
import { sampledKl } from "./sampled_kl.ts";
import { buckets } from "./support.ts";
import { targetLogProbs, targetLogits } from "./target.ts";
import { readLogProb, tokenLogProb } from "./token_log_prob.ts";

/** Two models' logits of the same N tokens over a vocabulary of V, and what to compare. */
export interface TokenDivergenceInput {
  /** Student logits z [N,V], at temperature 1: row i predicts token i. */
  readonly student: Tensor;
  /** Teacher logits z^T [N,V] for the same tokens after the enriched prompt. No gradient flows into them. */
  readonly teacher: Tensor;
  /** Sampled tokens y, i32 [N]. */
  readonly tokens: Tensor;
  readonly objective: Distill;
}

/** Per-token results [N]. Only `loss` has a gradient, and only with respect to the student's logits. */
export interface TokenDivergence {
  /** ℓ: multiply by the coefficients of the batch and sum. */
  readonly loss: Tensor;
  /** The divergence to report: ℓ, or log p(y) − log q̃(y) where ℓ is a surrogate (sampled token). */
  readonly divergence: Tensor;
  /** Share of buckets where a bound changed the teacher. */
  readonly clamped: Tensor;
  /** log p(y). */
  readonly logProb: Tensor;
  /** log q(y), not clamped. */
  readonly teacherLogProb: Tensor;
  /** In nats; over the top k raw probabilities with support top-k, else over the vocabulary. */
  readonly studentEntropy: Tensor;
  readonly teacherEntropy: Tensor;
}

/** The divergence that α names (trap T8): 0 forward KL, 1 reverse KL, between generalized JSD. */
export const bucketLoss = (alpha: number): BucketLoss =>
  alpha === 0 ? forwardKl : alpha === 1 ? reverseKl : generalizedJsd(alpha);

const checkShapes = ({ student, teacher, tokens }: TokenDivergenceInput): void => {
  const [N, V] = student.shape;
  const fits =
    student.shape.length === 2 &&
    teacher.shape.length === 2 &&
    teacher.shape[0] === N &&
    teacher.shape[1] === V &&
    tokens.shape.length === 1 &&
    tokens.shape[0] === N;
  if (!fits) {
    const [z, zT, y] = [student, teacher, tokens].map(({ shape }) => `[${shape.join(",")}]`);
    throw new ObjectiveError({
      message: `Expected student logits [N,V], teacher logits [N,V] and tokens [N], got ${z}, ${zT} and ${y}; gather the rows of the suffix before the loss`,
    });
  }
};

/**
 * Loss and statistics of every sampled token (arXiv 2605.12741, eq. 1 with the reference implementation's clamps).
 * Gradients are closed forms: the vocabulary is passed over a handful of times, and never with a factor that grows as
 * the tail bucket empties.
 *
 * @throws {ObjectiveError} for shapes that disagree or an objective that contradicts itself.
 */
export const tokenDivergence = (given: TokenDivergenceInput): TokenDivergence => {
  checkObjective(given.objective);
  checkShapes(given);
  const { student, tokens, objective } = given;
  const p = distribution(student);
  const { target } = objective;
  const zT = stopGradient(given.teacher);
  const q = distribution(zT);
  const goal = target?.space === "logits" ? distribution(targetLogits(student, zT, target)) : q;
  const teacherLogProb = readLogProb(q, tokens);
  const [N = 0] = student.shape;

  if (objective.support._tag === "sampled-token") {
    const logProb = tokenLogProb(student, tokens, p);
    const goalLogProb = goal === q ? teacherLogProb : readLogProb(goal, tokens);
    const { logT, clamped } = clampTeacher(
      reshape(logProb, [N, 1]),
      reshape(targetLogProbs(logProb, goalLogProb, target), [N, 1]),
      objective,
    );
    const { loss, delta } = sampledKl(logProb, reshape(logT, [N]));
    return {
      loss,
      divergence: delta,
      clamped: stopGradient(clamped),
      logProb: stopGradient(logProb),
      teacherLogProb,
      studentEntropy: stopGradient(entropy(p)),
      teacherEntropy: entropy(q),
    };
  }

  const { logS, pullBack, ...both } = buckets(p, goal, objective.support);
  const { logT, clamped } = clampTeacher(logS, targetLogProbs(logS, both.logT, target), objective);
  const { value, slope } = bucketLoss(objective.alpha);
  const loss = customVjp(
    [student],
    () => value(logS, logT),
    (grad) => [pullBack(mul(slope(logS, logT), reshape(grad, [N, 1])))],
  );
  return {
    loss,
    divergence: stopGradient(loss),
    clamped: stopGradient(clamped),
    logProb: stopGradient(readLogProb(p, tokens)),
    teacherLogProb,
    studentEntropy: stopGradient(both.studentEntropy),
    teacherEntropy:
      goal === q ? both.teacherEntropy : buckets(p, q, objective.support).teacherEntropy,
  };
};
