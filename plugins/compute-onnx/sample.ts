/**
 * Sampling: inverse CDF over the filtered probabilities in index order, with a uniform per row that the host supplies.
 * The one definition that every backend has; the recorded log-prob is the raw policy's (temperature 1, all tokens).
 */

interface Workspace {
  scaled: Float64Array;
  order: Uint32Array;
  kept: Uint8Array;
}
const workspace: Workspace = {
  scaled: new Float64Array(0),
  order: new Uint32Array(0),
  kept: new Uint8Array(0),
};

const resize = (size: number): void => {
  if (workspace.scaled.length >= size) return;
  workspace.scaled = new Float64Array(size);
  workspace.order = new Uint32Array(size);
  workspace.kept = new Uint8Array(size);
};

/** Marks the tokens that top-k, then top-p keep (the token that crosses p is kept); ties go to the lower index. */
const filter = (V: number, topK: number, topP: number): void => {
  const { scaled, kept } = workspace;
  const order = workspace.order.subarray(0, V);
  for (let i = 0; i < V; i++) order[i] = i;
  order.sort((a, b) => (scaled[b] as number) - (scaled[a] as number) || a - b);
  const limit = topK > 0 ? Math.min(topK, V) : V;
  let total = 0;
  for (let i = 0; i < limit; i++) total += scaled[order[i] as number] as number;
  let mass = 0;
  kept.fill(0, 0, V);
  for (let i = 0; i < limit; i++) {
    const token = order[i] as number;
    kept[token] = 1;
    mass += (scaled[token] as number) / total;
    if (mass >= topP) break;
  }
};

/**
 * @param logits [B, V]
 * @param uniforms [B] in [0, 1)
 * @param temperature [B]; 0 is greedy
 * @param topP [B]; 1 is off
 * @param topK 0 is off
 */
export const sample = (
  logits: Float32Array,
  uniforms: Float32Array,
  temperature: Float32Array,
  topP: Float32Array,
  topK: number,
  out: { readonly ids: Int32Array; readonly logProbs: Float32Array },
): void => {
  const B = uniforms.length;
  const V = logits.length / B;
  resize(V);
  const { scaled, kept } = workspace;
  for (let b = 0; b < B; b++) {
    const row = logits.subarray(b * V, (b + 1) * V);
    let best = 0;
    for (let v = 1; v < V; v++) if ((row[v] as number) > (row[best] as number)) best = v;
    const top = row[best] as number;
    let raw = 0;
    for (let v = 0; v < V; v++) raw += Math.exp((row[v] as number) - top);
    const logNormalizer = top + Math.log(raw);
    const tau = temperature[b] as number;
    let token = best;
    if (tau > 0) {
      for (let v = 0; v < V; v++) scaled[v] = Math.exp(((row[v] as number) - top) / tau);
      const p = topP[b] as number;
      const filtered = p < 1 || topK > 0;
      if (filtered) filter(V, topK, p);
      let total = 0;
      for (let v = 0; v < V; v++) if (!filtered || kept[v] === 1) total += scaled[v] as number;
      const target = (uniforms[b] as number) * total;
      let mass = 0;
      for (let v = 0; v < V; v++) {
        if (filtered && kept[v] === 0) continue;
        mass += scaled[v] as number;
        token = v; // the last kept token, should rounding leave the target beyond the total
        if (mass > target) break;
      }
    }
    out.ids[b] = token;
    out.logProbs[b] = (row[token] as number) - logNormalizer;
  }
};
