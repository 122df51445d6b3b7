/**
 * Muon (Jordan et al. 2024): momentum whose update is brought near the closest semi-orthogonal matrix by five
 * Newton–Schulz iterations. For hidden matrices only; everything else is AdamW's.
 */
import {
  add,
  concat,
  div,
  input,
  matMul,
  mul,
  reshape,
  slice,
  sqrt,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@resd/tensor";
import type { ArraySpec } from "../arrays.ts";
import { type OptimizerRule, slotInput, type StepSize } from "./rule.ts";

/** Settings of Muon; the rate comes with each step. */
export interface MuonOptions {
  /** Muon's rate as a multiple of the step's, which is AdamW's: both follow one schedule. */
  readonly rateRatio: number;
  readonly momentum: number;
  /** Decoupled, scaled by Muon's own rate. */
  readonly weightDecay: number;
}

/** Settings that hold where a run names none. */
export const MUON_DEFAULTS: MuonOptions = { rateRatio: 10, momentum: 0.95, weightDecay: 0.01 };

/** Quintic a·X + b·(XXᵀ)X + c·(XXᵀ)²X with the steepest slope at 0 that still ends near 1 (Jordan et al. 2024). */
const NEWTON_SCHULZ = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 } as const;

/**
 * Newton–Schulz on a stack of matrices: [n, rows, columns] → the same shape, singular values near 1.
 *
 * The products are formed on the shorter side, as for any matrix M: ns(Mᵀ) = ns(M)ᵀ.
 */
export const orthogonalise = (stack: Tensor): Tensor => {
  const [, rows, columns] = stack.shape as [number, number, number];
  const tall = rows > columns;
  const { a, b, c, iterations } = NEWTON_SCHULZ;
  const norm = sqrt(sum(mul(stack, stack), [1, 2], true));
  let X = div(stack, add(norm, 1e-7));
  if (tall) X = transpose(X);
  for (let i = 0; i < iterations; i++) {
    const A = matMul(X, X, { transB: true });
    const B = add(mul(A, b), matMul(A, A, { alpha: c }));
    X = add(mul(X, a), matMul(B, X));
  }
  return tall ? transpose(X) : X;
};

const stacked = (tensors: ReadonlyArray<Tensor>): Tensor => {
  const rows = tensors.map((tensor) => reshape(tensor, [1, ...tensor.shape]));
  return rows.length === 1 ? (rows[0] as Tensor) : concat(rows, 0);
};

const bySize = (parameters: ReadonlyArray<ArraySpec>): Iterable<ReadonlyArray<ArraySpec>> => {
  const groups = new Map<string, Array<ArraySpec>>();
  for (const spec of parameters) {
    const key = spec.shape.join("x");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [spec]);
    else group.push(spec);
  }
  return groups.values();
};

/**
 * Nesterov momentum, then Newton–Schulz, then p ← p·(1 − lr·wd) − lr·√max(1, rows/columns)·u. Matrices of one shape are
 * iterated as a stack: fewer and larger products, the same numbers.
 */
export const muonRule = (
  parameters: ReadonlyArray<ArraySpec>,
  options: MuonOptions,
): OptimizerRule => ({
  parameters,
  slots: ["momentum"],
  build: () => {
    const gradScale = input("muon/gradScale", [1]);
    const keep = input("muon/keep", [1]);
    const rate = input("muon/rate", [1]);
    const { momentum } = options;
    const next: Record<string, Tensor> = {};
    for (const group of bySize(parameters)) {
      const [rows, columns] = (group[0] as ArraySpec).shape as [number, number];
      const g = mul(stacked(group.map((spec) => slotInput("g", spec))), gradScale);
      const buffer = stacked(group.map((spec) => slotInput("momentum", spec)));
      const nextBuffer = add(mul(buffer, momentum), mul(g, 1 - momentum));
      const direction = add(mul(g, 1 - momentum), mul(nextBuffer, momentum));
      const scale = Math.sqrt(Math.max(1, rows / columns));
      const update = mul(orthogonalise(direction), mul(rate, scale));
      const one = (stack: Tensor, i: number): Tensor =>
        reshape(slice(stack, [i, 0, 0], [i + 1, rows, columns]), [rows, columns]);
      for (const [i, spec] of group.entries()) {
        next[`momentum/${spec.name}`] = one(nextBuffer, i);
        next[`p/${spec.name}`] = sub(mul(slotInput("p", spec), keep), one(update, i));
      }
    }
    return next;
  },
  feeds: (_count, { lr, gradScale }: StepSize) => {
    const rate = lr * options.rateRatio;
    return {
      "muon/gradScale": Float32Array.of(gradScale),
      "muon/keep": Float32Array.of(1 - rate * options.weightDecay),
      "muon/rate": Float32Array.of(rate),
    };
  },
});
