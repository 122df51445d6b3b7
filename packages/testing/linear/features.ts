/** What a linear policy sees of a sequence, and the logits it makes of it. */
import type { Ids } from "@resd/core";

/**
 * Rows [ids.length − from, 2V], row-major: the position before ids[from + i] as a one-hot of its token, beside the mean
 * one-hot of all tokens up to it. So both the last word and the whole prompt matter.
 */
export const features = (ids: Ids, from: number, V: number): Float64Array => {
  const rows = new Float64Array(Math.max(0, ids.length - from) * 2 * V);
  const counts = new Float64Array(V);
  for (let t = 0; t < ids.length - 1; t++) {
    const id = ids[t] as number;
    counts[id] = (counts[id] as number) + 1;
    if (t + 1 < from) continue;
    const row = (t + 1 - from) * 2 * V;
    rows[row + id] = 1;
    for (let v = 0; v < V; v++) rows[row + V + v] = (counts[v] as number) / (t + 1);
  }
  return rows;
};

/** rows [N,2V] · weights [2V,V] → [N,V]. */
export const logitsOf = (rows: Float64Array, weights: Float64Array, V: number): Float64Array => {
  const N = rows.length / (2 * V);
  const logits = new Float64Array(N * V);
  for (let n = 0; n < N; n++) {
    for (let f = 0; f < 2 * V; f++) {
      const x = rows[n * 2 * V + f] as number;
      if (x === 0) continue;
      for (let v = 0; v < V; v++) {
        logits[n * V + v] = (logits[n * V + v] as number) + x * (weights[f * V + v] as number);
      }
    }
  }
  return logits;
};

/** log softmax of each row of [N,V], in place. */
export const logSoftmaxRows = (logits: Float64Array, V: number): Float64Array => {
  for (let at = 0; at < logits.length; at += V) {
    const row = logits.subarray(at, at + V);
    const greatest = row.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = row.reduce((sum, z) => sum + Math.exp(z - greatest), 0);
    const logZ = greatest + Math.log(total);
    for (let v = 0; v < V; v++) row[v] = (row[v] as number) - logZ;
  }
  return logits;
};
