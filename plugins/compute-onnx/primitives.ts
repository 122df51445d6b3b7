/**
 * The primitives that this backend runs itself, beside the ONNX session: fused loops over typed arrays.
 * One pass each; sums are accumulated in float64 in index order, so results do not depend on threads.
 */

/**
 * AdamW with decoupled weight decay (Loshchilov & Hutter 2019), PyTorch's order of operations.
 * `hyper` = lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2, gradScale.
 */
export const adamw = (
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  hyper: Float32Array,
  out: { readonly p: Float32Array; readonly m: Float32Array; readonly v: Float32Array },
): void => {
  const [lr, beta1, beta2, eps, decay, correction1, correction2, scale] = hyper as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const keep = 1 - lr * decay;
  const stepSize = lr / correction1;
  const rootCorrection = Math.sqrt(correction2);
  const { p: pOut, m: mOut, v: vOut } = out;
  for (let i = 0; i < p.length; i++) {
    const gradient = (g[i] as number) * scale;
    const first = beta1 * (m[i] as number) + (1 - beta1) * gradient;
    const second = beta2 * (v[i] as number) + (1 - beta2) * gradient * gradient;
    mOut[i] = first;
    vOut[i] = second;
    pOut[i] =
      (p[i] as number) * keep - (stepSize * first) / (Math.sqrt(second) / rootCorrection + eps);
  }
};

/** out = a + rate·(b − a) */
export const lerp = (a: Float32Array, b: Float32Array, rate: number, out: Float32Array): void => {
  for (let i = 0; i < a.length; i++) {
    const from = a[i] as number;
    out[i] = from + rate * ((b[i] as number) - from);
  }
};

/** out = a + scale·b */
export const axpy = (a: Float32Array, b: Float32Array, scale: number, out: Float32Array): void => {
  for (let i = 0; i < a.length; i++) out[i] = (a[i] as number) + scale * (b[i] as number);
};

/** Σ x², accumulated in float64. */
export const sumSquares = (x: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (x[i] as number);
  return sum;
};

/** Writes rows[b, g, t, :] to cache[b, g, positions[b] + t, :] in place. cache [B, G, C, D], rows [B, G, T, D]. */
export const cacheWrite = (
  cache: Float32Array,
  cacheShape: ReadonlyArray<number>,
  rows: Float32Array,
  rowsShape: ReadonlyArray<number>,
  positions: Int32Array,
): void => {
  const [batch, groups, capacity, width] = cacheShape as [number, number, number, number];
  const count = rowsShape[2] as number;
  for (let b = 0; b < batch; b++) {
    const at = positions[b] as number;
    if (at < 0 || at + count > capacity) {
      throw new RangeError(
        `Expected cache rows within 0..${capacity}, got ${at}..${at + count} in row ${b}; use a larger cache`,
      );
    }
    for (let g = 0; g < groups; g++) {
      const from = (b * groups + g) * count * width;
      cache.set(
        rows.subarray(from, from + count * width),
        ((b * groups + g) * capacity + at) * width,
      );
    }
  }
};

/** out[ids[n], :] += rows[n, :], in the order of n, so duplicate ids add up and nothing races. */
export const scatterAddRows = (
  rows: Float32Array,
  ids: Int32Array,
  width: number,
  out: Float32Array,
): void => {
  const height = out.length / width;
  for (let n = 0; n < ids.length; n++) {
    const id = ids[n] as number;
    if (id < 0 || id >= height) {
      throw new RangeError(`Expected row ids in 0..${height - 1}, got ${id} at ${n}`);
    }
    const to = id * width;
    const from = n * width;
    for (let d = 0; d < width; d++)
      out[to + d] = (out[to + d] as number) + (rows[from + d] as number);
  }
};

export const add = (a: Float32Array, b: Float32Array, out: Float32Array): void => {
  for (let i = 0; i < a.length; i++) out[i] = (a[i] as number) + (b[i] as number);
};
