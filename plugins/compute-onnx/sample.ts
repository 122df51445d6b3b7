/** Draws one token a row, by the definition that all backends share. */
import { sampleRow } from "@resd/tensor";

/**
 * @param logits [B, V]
 * @param probabilities [B, V], softmax of the logits: the session's exponentials are much faster than a loop's
 * @param uniforms [B] in [0, 1)
 * @param temperature [B]; 0 is greedy
 * @param topP [B]; 1 is off
 * @param topK 0 is off
 */
export const sample = (
  logits: Float32Array,
  probabilities: Float32Array,
  uniforms: Float32Array,
  temperature: Float32Array,
  topP: Float32Array,
  topK: number,
  out: { readonly ids: Int32Array; readonly logProbs: Float32Array },
): void => {
  const B = uniforms.length;
  const V = logits.length / B;
  for (let b = 0; b < B; b++) {
    const row = (of: Float32Array) => of.subarray(b * V, (b + 1) * V);
    const settings = {
      uniform: uniforms[b]!,
      temperature: temperature[b]!,
      topP: topP[b]!,
      topK,
    };
    const { id, logProb } = sampleRow(row(logits), settings, row(probabilities));
    out.ids[b] = id;
    out.logProbs[b] = logProb;
  }
};
