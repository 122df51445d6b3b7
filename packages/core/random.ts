/**
 * Seeded random numbers: every draw of a run comes from a seed that names what it is for.
 *
 * Generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded by a 128-bit hash of the text form of the seed.
 */

/** What a seed may be made of: joined with `/` into one text, so `["run", 1, "rollout", 3]` is `run/1/rollout/3`. */
export type SeedPart = string | number;

/** A deterministic stream of draws. Same seed, same numbers, on every machine. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  readonly next: () => number;
  /** Uniform integer in [0, bound). */
  readonly int: (bound: number) => number;
  /** One element, uniformly. Throws a RangeError for an empty list. */
  readonly pick: <A>(list: ReadonlyArray<A>) => A;
  /** A new array in uniformly random order (Fisher–Yates). */
  readonly shuffle: <A>(list: ReadonlyArray<A>) => Array<A>;
  /** `count` distinct elements in random order. */
  readonly sample: <A>(list: ReadonlyArray<A>, count: number) => Array<A>;
  /** Standard normal (Box–Muller, one value a call). */
  readonly normal: () => number;
}

/** Four 32-bit words from a text: a cyrb-style mixing hash, stable across processes. Not cryptographic. */
export const hashWords = (text: string): readonly [number, number, number, number] => {
  let a = 0x9e3779b9 ^ text.length;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let d = 0x85ebca6b;
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ k, 597399067);
    b = c ^ Math.imul(b ^ k, 2869860233);
    c = d ^ Math.imul(c ^ k, 951274213);
    d = a ^ Math.imul(d ^ k, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  const all = a ^ b ^ c ^ d;
  return [all >>> 0, (b ^ all) >>> 0, (c ^ all) >>> 0, (d ^ all) >>> 0];
};

/** The text form of a seed. */
const seedText = (parts: ReadonlyArray<SeedPart>): string => parts.join("/");

/** A 32-hex-digit name for a seed: names attempts, rollouts and weights. */
export const hashName = (...parts: ReadonlyArray<SeedPart>): string =>
  hashWords(seedText(parts))
    .map((word) => word.toString(16).padStart(8, "0"))
    .join("");

/** A 32-bit integer seed derived from parts, for seams that carry a number. */
export const hashSeed = (...parts: ReadonlyArray<SeedPart>): number =>
  hashWords(seedText(parts))[0];

/**
 * A generator for the seed named by `parts`.
 *
 * @example
 * ```ts
 * const random = makeRandom("kestrel", 1, "plans");
 * random.int(10); // always the same first digit
 * ```
 */
export const makeRandom = (...parts: ReadonlyArray<SeedPart>): Random => {
  let [a, b, c, d] = hashWords(seedText(parts));
  const word = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) word(); // the generator's own recommendation before the first draw
  const next = (): number => word() / 4294967296;
  const int = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 4294967296) {
      throw new RangeError(`Expected a bound in 1..2^32, got ${bound}`);
    }
    const limit = 4294967296 - (4294967296 % bound); // rejection keeps it exactly uniform
    let value = word();
    while (value >= limit) value = word();
    return value % bound;
  };
  const shuffle = <A>(list: ReadonlyArray<A>): Array<A> => {
    const out = list.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const j = int(i + 1);
      const swap = out[i] as A;
      out[i] = out[j] as A;
      out[j] = swap;
    }
    return out;
  };
  return {
    next,
    int,
    pick: <A>(list: ReadonlyArray<A>): A => {
      if (list.length === 0) throw new RangeError("Expected a non-empty list to pick from");
      return list[int(list.length)] as A;
    },
    shuffle,
    sample: <A>(list: ReadonlyArray<A>, count: number): Array<A> => shuffle(list).slice(0, count),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
};
