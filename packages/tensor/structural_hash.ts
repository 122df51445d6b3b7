/**
 * A 128-bit hash, the same in every process. Not cryptographic: it tells graphs apart, it does not defend against
 * somebody who builds collisions.
 */
const SEEDS = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const;
const FACTORS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

const finish = (lane: number): number => {
  let bits = lane;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
};

const hashWords = (length: number, word: (index: number) => number): string => {
  const lanes = SEEDS.map((seed) => seed ^ length);
  for (let lane = 0; lane < 4; lane++) {
    const factor = FACTORS[lane]!;
    let bits = lanes[lane]!;
    for (let i = 0; i < length; i++) {
      bits = Math.imul(bits ^ word(i), factor);
      bits = (bits << 15) | (bits >>> 17);
    }
    lanes[lane] = bits;
  }
  return lanes.map((bits) => finish(bits).toString(16).padStart(8, "0")).join("");
};

/** 32 hex digits for a text. */
export const hashText = (text: string): string =>
  hashWords(text.length, (index) => text.charCodeAt(index));

/** 32 hex digits for the bits of an array. */
export const hashData = (data: ArrayBufferView & { readonly length: number }): string => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data.byteOffset % 4 !== 0 || data.byteLength % 4 !== 0) {
    return hashWords(bytes.length, (index) => bytes[index]!);
  }
  const words = new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  return hashWords(words.length, (index) => words[index]!);
};
