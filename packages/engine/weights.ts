/** A set of weights that can answer: the student's or the teacher's. */
import type { Arrays } from "./arrays.ts";

export interface Weights {
  /** Parameters by name. */
  readonly arrays: Arrays;
  /** Digest of their bits. */
  readonly version: string;
}
