/** What an optimizer does to the parameters it covers, as a piece of a graph. */
import { input, type Tensor } from "@resd/tensor";
import type { ArraySpec } from "../arrays.ts";

/** Sizes of one step that the host decides. */
export interface StepSize {
  readonly lr: number;
  /** Multiplies every gradient: global-norm clipping. */
  readonly gradScale: number;
}

/**
 * A rule's part of the step program. Names: `p/` parameter, `g/` gradient, `<slot>/` state, each followed by the
 * parameter's name; everything else is host data given with each step.
 */
export interface OptimizerRule {
  readonly parameters: ReadonlyArray<ArraySpec>;
  /** State tensors of every parameter, of its shape, zero at the start. */
  readonly slots: ReadonlyArray<string>;
  /** Next values of parameters and state, under the names of the inputs they replace. */
  readonly build: () => Readonly<Record<string, Tensor>>;
  /** Host data of step `count` (1 for the first). */
  readonly feeds: (count: number, size: StepSize) => Readonly<Record<string, Float32Array>>;
}

/** The input `prefix/name` of a parameter's shape. */
export const slotInput = (prefix: string, { name, shape }: ArraySpec): Tensor =>
  input(`${prefix}/${name}`, shape);
