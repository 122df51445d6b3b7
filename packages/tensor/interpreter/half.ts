/** Adding and taking this away rounds a double of moderate size to a whole number, ties to even. */
const TO_WHOLE = 1.5 * 2 ** 52;

/** The nearest f16 value, ties to even; beyond 65504 infinite. */
export const roundToHalf = (x: number): number => {
  const size = Math.abs(x);
  if (!Number.isFinite(x) || size === 0) return x;
  // Eleven significant bits, or multiples of 2⁻²⁴ where f16 is subnormal.
  const unit = 2 ** (Math.max(Math.floor(Math.log2(size)), -14) - 10);
  const rounded = (x / unit + TO_WHOLE - TO_WHOLE) * unit;
  if (Math.abs(rounded) > 65504) return x > 0 ? Infinity : -Infinity;
  return rounded;
};
