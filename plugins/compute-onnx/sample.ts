/** Draws one token a row, by the definition that all backends share. */
import { sampleRow } from "@resd/tensor";

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
  for (let b = 0; b < B; b++) {
    const { id, logProb } = sampleRow(logits.subarray(b * V, (b + 1) * V), {
      uniform: uniforms[b]!,
      temperature: temperature[b]!,
      topP: topP[b]!,
      topK,
    });
    out.ids[b] = id;
    out.logProbs[b] = logProb;
  }
};
