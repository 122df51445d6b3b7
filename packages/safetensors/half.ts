/**
 * Bit-exact conversions between f32 and the two 16-bit floats. Narrowing rounds to nearest, ties to even; NaN stays
 * NaN and keeps the payload bits that fit; widening loses nothing. All of it works on bits, because a NaN that passes
 * through a JavaScript number may change its payload.
 */

/** f16 bits → f32 bits: 1 sign, 5 exponent (bias 15), 10 fraction. */
const widenF16 = (half: number): number => {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal half is a normal single: shift until the hidden bit appears.
  let shift = 0;
  while ((fraction & 0x400) === 0) {
    fraction <<= 1;
    shift++;
  }
  return sign | ((113 - shift) << 23) | ((fraction & 0x3ff) << 13);
};

/** f32 bits → f16 bits. */
const narrowF16 = (bits: number): number => {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) {
    const payload = fraction >>> 13;
    return sign | 0x7c00 | (fraction !== 0 && payload === 0 ? 0x200 : payload);
  }
  const rebased = exponent - 112;
  if (rebased >= 0x1f) return sign | 0x7c00;
  if (rebased < -10) return sign;
  const significand = rebased > 0 ? (rebased << 23) | fraction : fraction | 0x800000;
  const shift = rebased > 0 ? 13 : 14 - rebased;
  const half = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  // A carry out of the fraction raises the exponent, and out of the largest exponent gives infinity: both are right.
  return sign | (rest > tie || (rest === tie && (half & 1) === 1) ? half + 1 : half);
};

/** f32 bits → bf16 bits: the upper half of an f32. */
const narrowBF16 = (bits: number): number => {
  const upper = bits >>> 16;
  if ((bits & 0x7fffffff) > 0x7f800000) return (upper & 0x7f) === 0 ? upper | 0x40 : upper;
  return (bits + 0x7fff + (upper & 1)) >>> 16;
};

const bitsOfFloats = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

/** Widens f16 bits into `out`, from its element `at` on. */
export const decodeF16 = (halves: Uint16Array, out: Float32Array, at = 0): void => {
  const bits = bitsOfFloats(out);
  for (let i = 0; i < halves.length; i++) bits[at + i] = widenF16(halves[i]!);
};

/** Widens bf16 bits into `out`, from its element `at` on. */
export const decodeBF16 = (halves: Uint16Array, out: Float32Array, at = 0): void => {
  const bits = bitsOfFloats(out);
  for (let i = 0; i < halves.length; i++) bits[at + i] = halves[i]! << 16;
};

/** Narrows f32 to f16 bits: nearest, ties to even. */
export const encodeF16 = (values: Float32Array): Uint16Array<ArrayBuffer> => {
  const bits = bitsOfFloats(values);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = narrowF16(bits[i]!);
  return halves;
};

/** Narrows f32 to bf16 bits: nearest, ties to even. */
export const encodeBF16 = (values: Float32Array): Uint16Array<ArrayBuffer> => {
  const bits = bitsOfFloats(values);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = narrowBF16(bits[i]!);
  return halves;
};
