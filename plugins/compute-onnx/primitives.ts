/** The primitives that this backend runs itself beside its loops: writes to places that other arrays name. */

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
