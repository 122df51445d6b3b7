/** AdamW (Loshchilov & Hutter 2019), with the arithmetic of PyTorch's. */
import { adamw, input, type Tensor } from "@resd/tensor";
import type { ArraySpec } from "../arrays.ts";
import { type OptimizerRule, slotInput, type StepSize } from "./rule.ts";

/** Settings of AdamW; the rate comes with each step. */
export interface AdamWOptions {
  /** β₁ and β₂: decay of the first and second moment. */
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** Decoupled decay, on matrices only: norms and short convolutions keep their scale. */
  readonly weightDecay: number;
}

/** Settings that hold where a run names none; β₂ = 0.99 averages over some hundred steps, as short runs need. */
export const ADAMW_DEFAULTS: AdamWOptions = { betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0 };

/** Embeddings count as matrices here; a short convolution's [3, D] does not. */
const decays = ({ name, shape }: ArraySpec): boolean =>
  shape.length === 2 && !name.includes("short_conv");

/** One `adamw` primitive for each parameter, all in one program; p, m and v are replaced in place. */
export const adamwRule = (
  parameters: ReadonlyArray<ArraySpec>,
  options: AdamWOptions,
): OptimizerRule => ({
  parameters,
  slots: ["m", "v"],
  build: () => {
    const decayed = input("adamw/decayed", [8]);
    const plain = input("adamw/plain", [8]);
    const next: Record<string, Tensor> = {};
    for (const spec of parameters) {
      const { p, m, v } = adamw(
        slotInput("p", spec),
        slotInput("g", spec),
        slotInput("m", spec),
        slotInput("v", spec),
        decays(spec) ? decayed : plain,
      );
      next[`p/${spec.name}`] = p;
      next[`m/${spec.name}`] = m;
      next[`v/${spec.name}`] = v;
    }
    return next;
  },
  feeds: (count, { lr, gradScale }: StepSize) => {
    const [beta1, beta2] = options.betas;
    const hyper = (weightDecay: number): Float32Array =>
      Float32Array.of(
        lr,
        beta1,
        beta2,
        options.eps,
        weightDecay,
        1 - beta1 ** count,
        1 - beta2 ** count,
        gradScale,
      );
    return { "adamw/decayed": hyper(options.weightDecay), "adamw/plain": hyper(0) };
  },
});
