/** Names weights by their bits, so that stale or foreign weights can never pass for current ones. */

/** A running 128-bit hash of named arrays. Not cryptographic. */
export interface WeightsHash {
  readonly add: (name: string, data: ArrayBufferView) => void;
  /** 32 hex digits of everything added so far. */
  readonly digest: () => string;
}

const mix = (hash: number, word: number, multiplier: number): number => {
  const turned = Math.imul(hash ^ word, multiplier);
  return turned ^ (turned >>> 15);
};

/** Starts a hash. The same names and bits in the same order give the same digest on every machine. */
export const weightsHash = (): WeightsHash => {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = 0xb7e15162 | 0;
  let d = 0x85ebca6b | 0;
  const words = (data: ArrayLike<number>): void => {
    // Locals, and two words a turn: this loop walks every weight after every update.
    let [p, q, r, s] = [a, b, c, d];
    const even = data.length & ~1;
    for (let i = 0; i < even; i += 2) {
      const x = data[i] as number;
      const y = data[i + 1] as number;
      p = mix(p, x ^ s, 597399067);
      q = mix(q, y ^ p, 2869860233);
      r = mix(r, x ^ q, 951274213);
      s = mix(s, y ^ r, 2716044179);
    }
    for (let i = even; i < data.length; i++) {
      p = mix(p, data[i] as number, 597399067);
      s = mix(s, p, 2716044179);
    }
    [a, b, c, d] = [q ^ data.length, r, s, p];
  };
  const bytes = (data: Uint8Array): void => {
    const whole = data.byteLength & ~3;
    if (data.byteOffset % 4 === 0) {
      words(new Int32Array(data.buffer, data.byteOffset, whole / 4));
    } else {
      words(new Int32Array(data.slice(0, whole).buffer));
    }
    if (whole < data.byteLength) words(data.subarray(whole));
  };
  return {
    add: (name, data) => {
      bytes(new TextEncoder().encode(name));
      bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    },
    digest: () =>
      [a, b, c, d]
        .map((word, i) => mix(mix(word, a ^ i, 2246822507), b, 3266489909))
        .map((word) => (word >>> 0).toString(16).padStart(8, "0"))
        .join(""),
  };
};
