/** Group-relative advantages of GRPO. */
import { ObjectiveError } from "./error.ts";

/** Added outside the standard deviation. */
const EPSILON = 1e-6;

/**
 * A_i = (R_i − μ) / (σ + 1e-6) within each group of rollouts of one task, with the *unbiased* σ (trap T25). Equal
 * rewards give 0; a group of one has μ = 0 and σ = 1, so A = R / (1 + 1e-6).
 *
 * @param rewards one per sample.
 * @param groups the sample's task key, one per sample.
 * @param normalize whether to divide by σ: GRPO and RLSD do, SRPO does not.
 */
export const groupAdvantages = (
  rewards: ReadonlyArray<number>,
  groups: ReadonlyArray<string>,
  normalize = true,
): Float64Array => {
  if (rewards.length !== groups.length) {
    throw new ObjectiveError({
      message: `Expected one group name per reward (${rewards.length}), got ${groups.length}`,
    });
  }
  const members = new Map<string, Array<number>>();
  groups.forEach((group, i) => {
    const list = members.get(group);
    if (list === undefined) members.set(group, [i]);
    else list.push(i);
  });
  const advantages = new Float64Array(rewards.length);
  for (const indices of members.values()) {
    const values = indices.map((i) => rewards[i] as number);
    const single = values.length === 1;
    const mean = single ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
    const variance = single
      ? 1
      : values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
    const scale = normalize ? 1 / (Math.sqrt(variance) + EPSILON) : 1;
    indices.forEach((i, n) => {
      advantages[i] = ((values[n] as number) - mean) * scale;
    });
  }
  return advantages;
};
