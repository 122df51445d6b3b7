/** How per-token losses become one number, as coefficients that are known before the forward pass. */
import type { Aggregation } from "@resd/core";
import { ObjectiveError } from "./error.ts";
import { positionRamp } from "./position_ramp.ts";

/** The trained tokens of a whole batch, as laid out by the caller: one array per sample. */
export interface CoefficientsRequest {
  readonly aggregation: Aggregation;
  /** M: per sample and suffix token, 0 = not trained on. A sample with nothing to distil has zeros (or no tokens). */
  readonly masks: ReadonlyArray<ArrayLike<number>>;
  /** Per sample: multiplies its losses, not the denominators (success-rate weights). All 1 when absent. */
  readonly weights?: ArrayLike<number>;
  /** Per sample and token: multiplies the losses, not the denominators (rollout correction). All 1 when absent. */
  readonly tokenWeights?: ReadonlyArray<ArrayLike<number>>;
  /** β of the position ramp; part of M, so of the denominators too. 0 when absent. */
  readonly positionBeta?: number;
  /** T_max, the response limit of the run: the divisor of `seq-mean-token-sum-norm`. */
  readonly horizon?: number;
}

/** Keeps `seq-mean-token-mean` equal to the reference implementation. */
const SEQUENCE_EPSILON = 1e-8;

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

const checkRequest = (request: CoefficientsRequest): void => {
  const { masks, weights, tokenWeights, aggregation, horizon } = request;
  if (weights !== undefined && weights.length !== masks.length) {
    throw new ObjectiveError({
      message: `Expected one weight per sample (${masks.length}), got ${weights.length}`,
    });
  }
  for (let i = 0; i < (weights?.length ?? 0); i++) {
    if (!Number.isFinite(weights?.[i])) {
      throw new ObjectiveError({
        message: `Expected finite sample weights, got ${weights?.[i]}, at sample ${i}`,
      });
    }
  }
  if (tokenWeights !== undefined && tokenWeights.length !== masks.length) {
    throw new ObjectiveError({
      message: `Expected token weights for each of ${masks.length} samples, got ${tokenWeights.length}`,
    });
  }
  for (let i = 0; i < masks.length; i++) {
    const mask = masks[i] as ArrayLike<number>;
    const row = tokenWeights?.[i];
    if (row !== undefined && row.length !== mask.length) {
      throw new ObjectiveError({
        message: `Expected ${mask.length} token weights, got ${row.length}, at sample ${i}`,
      });
    }
    for (let t = 0; t < mask.length; t++) {
      if (!((mask[t] as number) >= 0 && Number.isFinite(mask[t]))) {
        throw new ObjectiveError({
          message: `Expected a finite mask ≥ 0, got ${mask[t]}, at sample ${i}, token ${t}`,
        });
      }
      if (row !== undefined && !Number.isFinite(row[t])) {
        throw new ObjectiveError({
          message: `Expected finite token weights, got ${row[t]}, at sample ${i}, token ${t}`,
        });
      }
    }
  }
  if (aggregation === "seq-mean-token-sum-norm" && !(horizon !== undefined && horizon > 0)) {
    throw new ObjectiveError({
      message: `Expected a horizon > 0 (the response limit) for seq-mean-token-sum-norm, got ${horizon}; give the run's maxTokens`,
    });
  }
};

/**
 * Per-token coefficients c of the *whole* batch, such that the loss is L = Σ c·ℓ over per-token losses ℓ. They hold
 * every mask, weight and denominator, so a batch cut into micro-batches of any size gives the same gradient. With M the
 * mask (times the position ramp), w the weights and N the number of samples:
 *
 * | aggregation | c of token t of sample i |
 * | --- | --- |
 * | `token-mean` | w·M / max(ΣΣM, 1) |
 * | `seq-mean-token-mean` | w·M / (ΣM_i + 1e-8) / #{i: ΣM_i > 0} |
 * | `seq-mean-token-sum` | w·M / #{i: ΣM_i > 0} |
 * | `seq-mean-token-sum-norm` | w·M / T_max |
 * | `sample-mean` | w·M / max(ΣM_i, 1) / N |
 *
 * `sample-mean` is the effective objective of the paper's runs (trap T2): samples without a signal count in N. A batch
 * with nothing to train on gives zeros, never 0/0.
 *
 * @throws {ObjectiveError} for lengths that disagree, a negative mask, or a missing horizon.
 */
export const coefficients = (request: CoefficientsRequest): ReadonlyArray<Float64Array> => {
  checkRequest(request);
  const { aggregation, masks, weights, tokenWeights, positionBeta = 0, horizon = 1 } = request;
  const M = masks.map((mask) => positionRamp(mask, positionBeta));
  const sums = M.map(sum);
  const total = sums.reduce((all, one) => all + one, 0);
  const active = sums.filter((one) => one > 0).length;
  const denominator = (i: number): number => {
    const own = sums[i] as number;
    switch (aggregation) {
      case "token-mean":
        return Math.max(total, 1);
      case "seq-mean-token-mean":
        return (own + SEQUENCE_EPSILON) * active;
      case "seq-mean-token-sum":
        return active;
      case "seq-mean-token-sum-norm":
        return horizon;
      case "sample-mean":
        return Math.max(own, 1) * masks.length;
    }
  };
  return M.map((row, i) => {
    if (sums[i] === 0) return row; // all zero already, and the denominator may be 0
    const scale = (weights?.[i] ?? 1) / denominator(i);
    const own = tokenWeights?.[i];
    return row.map((m, t) => m * scale * (own?.[t] ?? 1));
  });
};
