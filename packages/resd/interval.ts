/**
 * How sure a mean is. Samples of one task resemble each other, so tasks are what is counted: every list here has one
 * value for each task (or probe), and a second sample of the same task makes its value better, not the list longer.
 */

/** A number with its two-sided 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The two-sided 95 % point of the normal distribution. */
const Z = 1.959963984540054;

/** The arithmetic mean; NaN of nothing. */
export const meanOf = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The standard error of a mean of independent values: √(Σ(v − v̄)² / (n(n − 1))). 0 for fewer than two values, where it is unknown. */
export const standardError = (values: ReadonlyArray<number>): number => {
  const count = values.length;
  if (count < 2) return 0;
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (count * (count - 1)));
};

/** The two-sided 95 % point of Student's t (Cornish-Fisher expansion; 3 % low at 2 degrees of freedom, exact to 0.1 % from 5 on). */
const studentPoint = (freedom: number): number => {
  const z2 = Z * Z;
  const terms = [
    (z2 + 1) / 4,
    ((5 * z2 + 16) * z2 + 3) / 96,
    (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
    ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160,
  ];
  return Z * terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), 1);
};

/**
 * A mean of values in [0, 1] with the score interval of Wilson (1927) at the sample size that the spread between tasks
 * is worth: n = v̄(1 − v̄) / se². It stays in [0, 1] and has a width where all tasks agree, unlike v̄ ± 1.96 se.
 *
 * @param attempts samples that the values are means of; the most that n can be. Where no task differs from another
 *   nothing tells how alike samples of a task are, and n is the number of tasks.
 */
export const shareEstimate = (values: ReadonlyArray<number>, attempts: number): Estimate => {
  if (values.length === 0) return { value: Number.NaN, low: 0, high: 1 };
  const value = meanOf(values);
  const error = standardError(values);
  const size = error === 0 ? values.length : Math.min(attempts, (value * (1 - value)) / error ** 2);
  const weight = 1 + Z ** 2 / size;
  const centre = (value + Z ** 2 / (2 * size)) / weight;
  const spread = (Z / weight) * Math.sqrt((value * (1 - value)) / size + Z ** 2 / (4 * size ** 2));
  return {
    value,
    low: Math.max(0, Math.min(value, centre - spread)),
    high: Math.min(1, Math.max(value, centre + spread)),
  };
};

/** The mean of differences, one for each task, with its interval by Student's t. Infinite for fewer than two tasks. */
export const differenceEstimate = (differences: ReadonlyArray<number>): Estimate => {
  const value = meanOf(differences);
  if (differences.length < 2) return { value, low: -Infinity, high: Infinity };
  const spread = studentPoint(differences.length - 1) * standardError(differences);
  return { value, low: value - spread, high: value + spread };
};
