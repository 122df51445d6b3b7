/**
 * The loops of primitives over long arrays, cut into blocks that any thread may take. Sums are taken a block at a time
 * in float64 and added in the order of the blocks, so results do not depend on threads.
 */

/** Works on numbers `from` to `to` of the arrays of one call; gives the block's sum where the loop is a sum. */
export type Loop = (arrays: ReadonlyArray<Float32Array>, from: number, to: number) => number;

/**
 * AdamW with decoupled weight decay (Loshchilov & Hutter 2019), PyTorch's order of operations.
 * Arrays: p, g, m, v, hyper, next p, next m, next v (which may be p, m, v themselves);
 * hyper = lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2, gradScale.
 */
const adamw: Loop = (arrays, from, to) => {
  const [p, g, m, v, hyper, pOut, mOut, vOut] = arrays as Eight<Float32Array>;
  const [lr, beta1, beta2, eps, decay, correction1, correction2, scale] =
    hyper as unknown as Eight<number>;
  const keep = 1 - lr * decay;
  const stepSize = lr / correction1;
  const secondScale = 1 / Math.sqrt(correction2);
  const into1 = (1 - beta1) * scale;
  const into2 = (1 - beta2) * scale * scale;
  for (let i = from; i < to; i++) {
    const gradient = g[i] as number;
    const first = beta1 * (m[i] as number) + into1 * gradient;
    const second = beta2 * (v[i] as number) + into2 * gradient * gradient;
    mOut[i] = first;
    vOut[i] = second;
    pOut[i] =
      (p[i] as number) * keep - (stepSize * first) / (Math.sqrt(second) * secondScale + eps);
  }
  return 0;
};
type Eight<A> = readonly [A, A, A, A, A, A, A, A];

/** out = a + rate·(b − a); arrays a, b, rate [1], out */
const lerp: Loop = ([a, b, rates, out], from, to) => {
  const rate = rates![0]!;
  for (let i = from; i < to; i++) out![i] = a![i]! + rate * (b![i]! - a![i]!);
  return 0;
};

/** out = a + scale·b; arrays a, b, scale [1], out */
const axpy: Loop = ([a, b, scales, out], from, to) => {
  const scale = scales![0]!;
  for (let i = from; i < to; i++) out![i] = a![i]! + scale * b![i]!;
  return 0;
};

/** out = a + b */
const add: Loop = ([a, b, out], from, to) => {
  for (let i = from; i < to; i++) out![i] = a![i]! + b![i]!;
  return 0;
};

/** Σ x², by four sums side by side: one would wait for itself at every step. */
const sumSquares: Loop = ([x], from, to) => {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = from + ((to - from) & ~3);
  for (let i = from; i < whole; i += 4) {
    a += x![i]! * x![i]!;
    b += x![i + 1]! * x![i + 1]!;
    c += x![i + 2]! * x![i + 2]!;
    d += x![i + 3]! * x![i + 3]!;
  }
  for (let i = whole; i < to; i++) a += x![i]! * x![i]!;
  return a + b + (c + d);
};

export const LOOPS = { adamw, lerp, axpy, add, sumSquares } as const;
export type LoopName = keyof typeof LOOPS;
export const isLoop = (name: string): name is LoopName => Object.hasOwn(LOOPS, name);

/** Numbers a block: enough to be worth claiming, and its arrays stay in the cache of a core. */
export const BLOCK = 2 ** 15;

/** Blocks of one call, by its first array. */
const blocksOf = (call: ReadonlyArray<Float32Array>): number => Math.ceil(call[0]!.length / BLOCK);

export const countBlocks = (calls: ReadonlyArray<ReadonlyArray<Float32Array>>): number =>
  calls.reduce((sum, call) => sum + blocksOf(call), 0);

/**
 * Works through blocks as long as `claim` gives some; it gives rising numbers, counted over all calls. Writes each
 * block's sum to `sums`.
 */
export const workThrough = (
  name: LoopName,
  calls: ReadonlyArray<ReadonlyArray<Float32Array>>,
  sums: Float64Array,
  claim: () => number,
  finished: () => void = () => {},
): void => {
  const loop = LOOPS[name];
  let at = 0;
  let first = 0;
  for (let block = claim(); block < sums.length; block = claim()) {
    while (block >= first + blocksOf(calls[at]!)) first += blocksOf(calls[at++]!);
    const arrays = calls[at]!;
    const from = (block - first) * BLOCK;
    sums[block] = loop(arrays, from, Math.min(from + BLOCK, arrays[0]!.length));
    finished();
  }
};

/** The sums of each call from those of its blocks. */
export const sumsOf = (
  calls: ReadonlyArray<ReadonlyArray<Float32Array>>,
  sums: Float64Array,
): ReadonlyArray<number> => {
  let first = 0;
  return calls.map((call) => {
    let sum = 0;
    const end = first + blocksOf(call);
    for (; first < end; first++) sum += sums[first]!;
    return sum;
  });
};
