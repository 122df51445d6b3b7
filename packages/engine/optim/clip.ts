/** Global-norm clipping: the backend sums squares, the host decides one factor for all gradients. */
import { sumSquares, type Tensor } from "@resd/tensor";

/** Outputs `norm/<name>`, each [1], for a program that has gradients at hand. */
export const squaredNorms = (
  gradients: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [`norm/${name}`, sumSquares(gradient)]),
  );

export const normNames = (parameters: ReadonlyArray<{ readonly name: string }>): Array<string> =>
  parameters.map(({ name }) => `norm/${name}`);

/** ‖·‖₂ over all gradients from the values of `squaredNorms`. */
export const globalNorm = (
  values: Readonly<Record<string, ArrayLike<number>>>,
  names: ReadonlyArray<string>,
): number => Math.sqrt(names.reduce((sum, name) => sum + (values[name]?.[0] ?? Number.NaN), 0));

/**
 * The factor that brings a norm down to `clipNorm`: min(1, clipNorm / (norm + 1e-6)), 1 without a limit. Undefined for
 * a norm that is not finite: the step must be skipped.
 */
export const clipScale = (norm: number, clipNorm: number | undefined): number | undefined => {
  if (!Number.isFinite(norm)) return undefined;
  return clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
};
