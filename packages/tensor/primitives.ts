/**
 * Operations that a backend may claim as one kernel. Those of kind `primitive` have a composite in composites.ts, which
 * is also their definition; `cacheWrite` and `sample` are native everywhere and have no gradient.
 */
import { apply, applyAll } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Rotary position embedding, half-split as in Llama: with x = [x₁, x₂], [x₁·cos − x₂·sin, x₂·cos + x₁·sin].
 *
 * @param x [B,H,T,D], D even
 * @param cos broadcasts to [B,H,T,D/2]
 * @param sin broadcasts to [B,H,T,D/2]
 */
export const rope = (x: Tensor, cos: Tensor, sin: Tensor): Tensor =>
  apply("rope", [x, cos, sin], {});

/** x · rsqrt(mean(x²) + eps) · weight over the last axis: x[…,D], weight[D] (Zhang & Sennrich 2019). */
export const rmsNorm = (x: Tensor, weight: Tensor, eps: number): Tensor =>
  apply("rmsNorm", [x, weight], { eps });

/**
 * What `rmsNorm` passes back of the gradient g of its result: `dx` of x's shape, `dweight` [D]. Made by `gradient`, so that a
 * backend may claim the backward pass too.
 */
export const rmsNormGradient = (
  x: Tensor,
  weight: Tensor,
  g: Tensor,
  eps: number,
): { readonly dx: Tensor; readonly dweight: Tensor } => {
  const [dx, dweight] = applyAll("rmsNormGradient", [x, weight, g], { eps });
  return { dx: dx!, dweight: dweight! };
};

/** Settings of `attention`, for T queries, S keys and heads of width D. */
export interface AttentionOptions {
  /** Factor of the scores; 1/√D by default. */
  readonly scale?: number;
  /** Query t sees keys up to t + S − T: the queries are the last T positions. */
  readonly causal?: boolean;
}

/**
 * softmax(scale · q·kᵀ + mask) · v with grouped queries: head h reads key head ⌊h·G/H⌋.
 *
 * @param q [B,H,T,D]
 * @param k [B,G,S,D], H a multiple of G
 * @param v [B,G,S,D]
 * @param mask additive, broadcasts to [B,1,T,S]. Gotcha: mask with -1e9; -Infinity makes a row that sees nothing NaN.
 */
export const attention = (
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask?: Tensor,
  options: AttentionOptions = {},
): Tensor =>
  apply("attention", mask === undefined ? [q, k, v] : [q, k, v, mask], {
    scale: options.scale ?? 1 / Math.sqrt(q.shape.at(-1) ?? 1),
    causal: options.causal ?? false,
  });

/** What the gradient of attention is made from. */
export interface AttentionPass {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor | undefined;
  /** What attention gave, [B,H,T,D], */
  readonly out: Tensor;
  /**
   * and its second result, [B,H,T,2]: the greatest score m of each row and log Σ exp(score − m), from which a backend finds the
   * weights again. Apart from each other, because a row that sees nothing has m = −1e9, in which the logarithm would be lost.
   */
  readonly rows: Tensor;
  /** The gradient of `out`. */
  readonly g: Tensor;
}

/**
 * What `attention` passes back to q, k and v. Made by `gradient`, so that a backend may claim the backward pass too. The
 * composite finds the weights itself and needs neither `out` nor `rows`.
 */
export const attentionGradient = (
  { q, k, v, mask, out, rows, g }: AttentionPass,
  settings: Required<AttentionOptions>,
): { readonly dq: Tensor; readonly dk: Tensor; readonly dv: Tensor } => {
  const inputs = [q, k, v, out, rows, g, ...(mask === undefined ? [] : [mask])];
  const [dq, dk, dv] = applyAll("attentionGradient", inputs, { ...settings });
  return { dq: dq!, dk: dk!, dv: dv! };
};

/** What one new token a row attends to. */
export interface CachedPass {
  /** [B,G,R,D]: R query heads of each key head. */
  readonly q: Tensor;
  /** The token's own key and value, [B,G,1,D]. */
  readonly k: Tensor;
  readonly v: Tensor;
  /** The cache, [B,G,C,D]. */
  readonly keys: Tensor;
  readonly values: Tensor;
  /** Additive, for the rows of the cache, [B,1,1,C]: 0 or −1e9. */
  readonly mask: Tensor;
}

/** Attention of one new token a row over a cache and itself, softmax over both together → [B,G,R,D]. */
export const cachedAttention = (
  { q, k, v, keys, values, mask }: CachedPass,
  scale: number,
): Tensor => apply("cachedAttention", [q, k, v, keys, values, mask], { scale });

/** What AdamW gives back, each of the parameter's shape. */
export interface AdamwResult {
  readonly p: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

/**
 * One AdamW step with decoupled decay (Loshchilov & Hutter 2019, as PyTorch computes it):
 * g ← gradScale·g; m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; p ← p·(1 − lr·wd) − lr/bc₁ · m / (√v/√bc₂ + eps).
 *
 * @param hyper f32 [8]: lr, beta1, beta2, eps, weightDecay, biasCorrection1 = 1−β₁ᵗ, biasCorrection2 = 1−β₂ᵗ, gradScale
 */
export const adamw = (p: Tensor, g: Tensor, m: Tensor, v: Tensor, hyper: Tensor): AdamwResult => {
  const [nextP, nextM, nextV] = applyAll("adamw", [p, g, m, v, hyper], {});
  return { p: nextP!, m: nextM!, v: nextV! };
};

/** a + rate·(b − a), rate [1]: an exponential moving average. */
export const lerp = (a: Tensor, b: Tensor, rate: Tensor): Tensor => apply("lerp", [a, b, rate], {});

/** a + scale·b, scale [1]. */
export const axpy = (a: Tensor, b: Tensor, scale: Tensor): Tensor =>
  apply("axpy", [a, b, scale], {});

/** Σ x² → [1]. */
export const sumSquares = (x: Tensor): Tensor => apply("sumSquares", [x], {});

/**
 * The cache with rows[b] written from row positions[b] on. The caller keeps 0 ≤ positions[b] ≤ C − T.
 *
 * @param cache [B,G,C,D]
 * @param rows [B,G,T,D]
 * @param positions i32 [B]
 */
export const cacheWrite = (cache: Tensor, rows: Tensor, positions: Tensor): Tensor =>
  apply("cacheWrite", [cache, rows, positions], {});

/**
 * One token a row, by the definition in sample_row.ts, which every backend follows.
 *
 * @param logits [B,V]
 * @param uniforms [B], in [0,1): the host draws them, so that one seed decides a run
 * @param temperature [B]; 0 is argmax
 * @param topP [B]; 1 is off
 * @returns ids i32 [B], and logProbs [B] under the raw policy: temperature 1, full vocabulary
 */
export const sample = (
  logits: Tensor,
  uniforms: Tensor,
  temperature: Tensor,
  topP: Tensor,
  options: { readonly topK?: number } = {},
): { readonly ids: Tensor; readonly logProbs: Tensor } => {
  const [ids, logProbs] = applyAll("sample", [logits, uniforms, temperature, topP], {
    topK: options.topK ?? 0,
  });
  return { ids: ids!, logProbs: logProbs! };
};
