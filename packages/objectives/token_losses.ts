/** The losses of every sampled token under any objective: the one entry that engines call. */
import type { CrossEntropy, Importance, Objective, PolicyGradient } from "@resd/core";
import { distillOf, rewardOf } from "@resd/core";
import { full, mul, neg, stopGradient, type Tensor } from "@resd/tensor";
import { crossEntropy } from "./cross_entropy.ts";
import { distribution, entropy } from "./distribution.ts";
import { ObjectiveError } from "./error.ts";
import { importanceWeight } from "./importance.ts";
import { policyGradient } from "./policy_gradient.ts";
import { type TokenDivergence, tokenDivergence } from "./token_divergence.ts";
import { tokenLogProb } from "./token_log_prob.ts";

/** What the losses of N sampled tokens over a vocabulary of V are made from. */
export interface TokenLossesInput {
  readonly objective: Objective;
  /** Student logits [N,V] at temperature 1. */
  readonly student: Tensor;
  /** Teacher logits [N,V], for objectives that distil. */
  readonly teacher?: Tensor;
  /** y, i32 [N]. */
  readonly tokens: Tensor;
  /** log p(y) [N] under the weights that sampled. */
  readonly behaviour: Tensor;
  /** A [N], for objectives with a reward. */
  readonly advantage: Tensor;
}

/** Per-token results [N]. Only the losses have gradients; what an objective has no notion of is 0. */
export interface TokenLosses {
  /** ℓ: multiply by the coefficients of the batch and sum. Of a mixture the teacher's part. */
  readonly loss: Tensor;
  /** The reward's part of a mixture, for coefficients of its own. */
  readonly rewardLoss?: Tensor;
  readonly divergence: Tensor;
  readonly clamped: Tensor;
  readonly logProb: Tensor;
  readonly teacherLogProb: Tensor;
  readonly studentEntropy: Tensor;
  readonly teacherEntropy: Tensor;
}

/** Weights over single tokens are part of the graph; those over sequences are known beforehand, see `planLosses`. */
const weighted = (
  loss: Tensor,
  logProb: Tensor,
  behaviour: Tensor,
  importance: Importance | undefined,
): Tensor =>
  importance?.over === "token"
    ? mul(loss, importanceWeight(logProb, behaviour, importance.clip))
    : loss;

const teacherOf = ({ teacher, objective }: TokenLossesInput): Tensor => {
  if (teacher !== undefined) return teacher;
  throw new ObjectiveError({
    message: `Expected the teacher's logits for objective ${objective._tag}, got none; run the teacher on the same tokens`,
  });
};

const distilled = (given: TokenLossesInput): TokenDivergence | undefined => {
  const objective = distillOf(given.objective);
  if (objective === undefined) return undefined;
  const { student, tokens, behaviour } = given;
  const result = tokenDivergence({ student, teacher: teacherOf(given), tokens, objective });
  const loss = weighted(result.loss, result.logProb, behaviour, objective.importance);
  return { ...result, loss };
};

const rewarded = (given: TokenLossesInput, objective: PolicyGradient) => {
  const { student: logits, tokens, behaviour, advantage } = given;
  const { importance } = objective;
  const own = importance === undefined ? undefined : tokenLogProb(stopGradient(logits), tokens);
  const oldLogProb = own ?? behaviour;
  const result = policyGradient({ logits, tokens, oldLogProb, advantage, objective });
  return { ...result, loss: weighted(result.loss, result.logProb, behaviour, importance) };
};

/** Of objectives without a teacher. */
const untaught = (
  given: TokenLossesInput,
  objective: PolicyGradient | CrossEntropy,
): TokenLosses => {
  const { student: logits, tokens } = given;
  const zero = full(0, tokens.shape);
  const studentEntropy = stopGradient(entropy(distribution(logits)));
  const rest = { studentEntropy, teacherLogProb: zero, teacherEntropy: zero };
  if (objective._tag === "CrossEntropy") {
    const loss = crossEntropy({ logits, tokens });
    return { loss, divergence: loss, clamped: zero, logProb: neg(loss), ...rest };
  }
  const { loss, logProb, clipped } = rewarded(given, objective);
  return { loss, divergence: zero, clamped: clipped, logProb, ...rest };
};

/**
 * Losses and statistics of every sampled token.
 *
 * @throws {ObjectiveError} for shapes that disagree, a teacher that is missing, or an objective that contradicts itself.
 */
export const tokenLosses = (given: TokenLossesInput): TokenLosses => {
  const { objective } = given;
  if (objective._tag === "PolicyGradient" || objective._tag === "CrossEntropy") {
    return untaught(given, objective);
  }
  const taught = distilled(given) as TokenDivergence;
  const reward = rewardOf(objective);
  return reward === undefined ? taught : { ...taught, rewardLoss: rewarded(given, reward).loss };
};
