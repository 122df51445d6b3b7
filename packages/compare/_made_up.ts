/** Cells made up for tests: their numbers say nothing about any method. */
import type { CellFailure, CellResult, EvaluationPoint } from "./cell_result.ts";

/** Episodes of an update. */
export const EPISODES = 16;

/** A curve that is evaluated every four updates, with these successes. */
export const madeUpCurve = (
  successes: ReadonlyArray<number>,
  rollouts = 1,
): CellResult["curve"] => {
  const [first, ...rest] = successes.map((success, i): EvaluationPoint => ({
    updates: 4 * i,
    interactions: 4 * i * EPISODES * rollouts,
    success,
    perTest: success,
    best: Math.min(1, success * 1.1),
    tokens: 12 - i / 4,
  }));
  if (first === undefined) throw new Error("Expected at least one evaluation");
  return [first, ...rest];
};

/** A finished cell. */
export const madeUpCell = (
  variant: string,
  seed: number,
  successes: ReadonlyArray<number>,
  more: Partial<CellResult> & { readonly rollouts?: number } = {},
): CellResult => {
  const { rollouts = 1, ...rest } = more;
  const curve = madeUpCurve(successes, rollouts);
  const { updates } = curve.at(-1)!;
  return {
    variant,
    seed,
    role: { _tag: "Result" },
    key: `${variant}-${seed}`,
    folder: `runs/cells/${variant}-${seed}`,
    curve,
    updates: Array.from({ length: updates }, (_, i) => ({
      updates: i + 1,
      interactions: (i + 1) * EPISODES * rollouts,
      success: 0.5,
      responseTokens: 10 + (i % 3),
      divergence: 1 / (i + 1),
      playbook: Math.min(16, i),
      signals: { reflection: EPISODES - (i % 4), "own-solution": i % 4 },
    })),
    diagnoses: [],
    cost: {
      wallSeconds: 10 + seed,
      phases: { load: 1, rollout: 3, update: 4, evaluate: 2 + seed },
      modelCalls: { rollout: 100, reflect: 10, curate: 5, evaluate: 50 },
      generatedTokens: { rollout: 1000, reflect: 300, curate: 100, evaluate: 700 },
    },
    ...rest,
  };
};

/** A cell that did not finish. */
export const madeUpFailure = (variant: string, seed: number): CellFailure => ({
  variant,
  seed,
  role: { _tag: "Result" },
  key: `${variant}-${seed}`,
  folder: "",
  message: "Expected memory, got none",
});
