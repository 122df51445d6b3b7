/** Weights that are no numbers. */

/** Position of the first number that is infinite or not a number; −1 where there is none. */
export const findNotFinite = (data: Float32Array<ArrayBuffer>): number => {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & 0x7f800000) === 0x7f800000) return i;
  return -1;
};
