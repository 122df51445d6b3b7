/** Rotary position embeddings (Su et al. 2021), and the ways in which models stretch them over longer contexts. */
import { constant, type Tensor } from "@resd/tensor";

/**
 * How the frequencies of the positions that a model was pretrained on are stretched. The keys are those of
 * `rope_parameters` in config.json. Scalings that change with the length of a sequence (`dynamic`, `longrope`) are not
 * among them: with a key-value cache they would rotate the keys of one sequence by different angles.
 */
export type RopeScaling =
  /** All frequencies divided by `factor`. */
  | { readonly rope_type: "linear"; readonly factor: number }
  /** Llama 3.1: waves longer than a share of the original context are divided, short ones kept. */
  | {
      readonly rope_type: "llama3";
      readonly factor: number;
      readonly low_freq_factor: number;
      readonly high_freq_factor: number;
      readonly original_max_position_embeddings: number;
    }
  /** YaRN (Peng et al. 2023): a ramp between kept and divided frequencies, and larger attention scores. */
  | {
      readonly rope_type: "yarn";
      readonly factor: number;
      readonly original_max_position_embeddings: number;
      readonly beta_fast: number;
      readonly beta_slow: number;
      readonly truncate: boolean;
      /** Scales cos and sin; derived from the others where absent. */
      readonly attention_factor?: number;
      readonly mscale?: number;
      readonly mscale_all_dim?: number;
    };

/** Radians a position of each pair of a head's elements, and what cos and sin are multiplied by. */
export interface RopeFrequencies {
  readonly inverse: Float64Array;
  readonly attention: number;
}

const clamp = (x: number): number => Math.min(1, Math.max(0, x));

const llama3 = (
  plain: Float64Array,
  scaling: Extract<RopeScaling, { readonly rope_type: "llama3" }>,
): Float64Array => {
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const context = scaling.original_max_position_embeddings;
  return plain.map((frequency) => {
    const wave = (2 * Math.PI) / frequency;
    if (wave < context / high) return frequency;
    if (wave > context / low) return frequency / factor;
    const kept = (context / wave - low) / (high - low);
    return (1 - kept) * (frequency / factor) + kept * frequency;
  });
};

type Yarn = Extract<RopeScaling, { readonly rope_type: "yarn" }>;

/** 0.1·m·ln(s) + 1: how much attention sharpens with a context that is s times longer (Peng et al. 2023, eq. 22). */
const sharpness = (scale: number, mscale = 1): number =>
  scale <= 1 ? 1 : 0.1 * mscale * Math.log(scale) + 1;

const yarnAttention = ({ factor, attention_factor, mscale, mscale_all_dim }: Yarn): number => {
  if (attention_factor !== undefined) return attention_factor;
  return mscale && mscale_all_dim
    ? sharpness(factor, mscale) / sharpness(factor, mscale_all_dim)
    : sharpness(factor);
};

const yarn = (plain: Float64Array, theta: number, scaling: Yarn): Float64Array => {
  const size = 2 * plain.length;
  const { factor, beta_fast, beta_slow, truncate } = scaling;
  // The element whose wave turns so many times over the original context.
  const turning = (turns: number): number =>
    (size * Math.log(scaling.original_max_position_embeddings / (turns * 2 * Math.PI))) /
    (2 * Math.log(theta));
  const [first, last] = [turning(beta_fast), turning(beta_slow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const divided = clamp((i - low) / width);
    return (frequency / factor) * divided + frequency * (1 - divided);
  });
};

/** The frequencies θ^(−2i/size) of heads of `size` elements, stretched as `scaling` says. */
export const ropeFrequencies = (
  theta: number,
  size: number,
  scaling?: RopeScaling,
): RopeFrequencies => {
  const half = size / 2;
  const plain = Float64Array.from({ length: half }, (_, i) => theta ** (-i / half));
  switch (scaling?.rope_type) {
    case undefined:
      return { inverse: plain, attention: 1 };
    case "linear":
      return { inverse: plain.map((frequency) => frequency / scaling.factor), attention: 1 };
    case "llama3":
      return { inverse: llama3(plain, scaling), attention: 1 };
    case "yarn":
      return { inverse: yarn(plain, theta, scaling), attention: yarnAttention(scaling) };
  }
};

/** cos and sin of position·frequency, each [positions, size/2], rounded to f32. */
export interface RopeTable {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** The table of positions 0 ≤ p < positions. */
export const ropeTable = (
  { inverse, attention }: RopeFrequencies,
  positions: number,
): RopeTable => {
  const half = inverse.length;
  const angles = Float64Array.from(
    { length: positions * half },
    (_, at) => Math.floor(at / half) * inverse[at % half]!,
  );
  const shape = [positions, half];
  const table = (of: (angle: number) => number): Tensor =>
    constant(
      angles.map((angle) => attention * of(angle)),
      shape,
    );
  return { cos: table(Math.cos), sin: table(Math.sin) };
};
