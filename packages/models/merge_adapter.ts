/** Adapters that become part of the weights. */
import { Effect } from "effect";
import type { DecoderConfig } from "./config.ts";
import { loraNames, loraScale } from "./lora.ts";

/**
 * W + scale·B·A, each element summed in f64 and rounded once.
 *
 * @param weight [out, in]
 * @param a [r, in]
 * @param b [out, r]
 */
const mergedMap = (
  weight: Float32Array,
  a: Float32Array,
  b: Float32Array,
  r: number,
  scale: number,
): Float32Array<ArrayBuffer> => {
  const fanIn = a.length / r;
  const merged = new Float32Array(weight.length);
  const row = new Float64Array(fanIn);
  for (let out = 0; out * fanIn < weight.length; out++) {
    row.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = scale * (b[out * r + k] as number);
      const from = k * fanIn;
      for (let i = 0; i < fanIn; i++) row[i] = row[i]! + factor * a[from + i]!;
    }
    const to = out * fanIn;
    for (let i = 0; i < fanIn; i++) merged[to + i] = weight[to + i]! + row[i]!;
  }
  return merged;
};

/**
 * The parameters of the base model with the adapter merged into them, by name: what a model folder is written from.
 *
 * @param read gives parameters of the base and matrices of the adapter
 */
export const mergedParameters =
  <E, R>(
    { lora }: DecoderConfig,
    read: (name: string) => Effect.Effect<Float32Array<ArrayBuffer>, E, R>,
  ) =>
  (name: string): Effect.Effect<Float32Array<ArrayBuffer>, E, R> => {
    const map = name.slice(0, -".weight".length);
    if (lora?.maps.includes(map) !== true) return read(name);
    const { a, b } = loraNames(map);
    return Effect.map(Effect.all([read(name), read(a), read(b)]), ([weight, low, high]) =>
      mergedMap(weight, low, high, lora.r, loraScale(lora)),
    );
  };
