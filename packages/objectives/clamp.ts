/** Bounds on what the teacher may ask for: its probability relative to the student's. */
import {
  add,
  cast,
  full,
  less,
  maximum,
  mean,
  minimum,
  stopGradient,
  type Tensor,
} from "@resd/tensor";

/** r_min and r_max; absent: no bound. */
export interface RatioBounds {
  readonly ratioMin?: number;
  readonly ratioMax?: number;
}

/** A teacher whose ratio to the student is bounded. */
export interface Clamped {
  /** log t̃ [N,b]. */
  readonly logT: Tensor;
  /** Share of the row's buckets that a bound changed [N]. */
  readonly clamped: Tensor;
}

/**
 * log t̃ = min(max(log t, log s + ln r_min), log s + ln r_max). Comes after the tail bucket or the renormalisation,
 * covers the tail bucket, and t̃ is *not* renormalised.
 *
 * Gotcha (trap T7): the bounds are detached. They follow the student's probability, but no gradient flows through them;
 * else a clamped bucket would pull with s·A instead of s·(A + 1), and the gradients of a row would not cancel.
 */
export const clampTeacher = (logS: Tensor, logT: Tensor, bounds: RatioBounds): Clamped => {
  const s = stopGradient(logS);
  let clampedT = logT;
  let share = full(0, logT.shape.slice(0, -1), logT.dtype);
  if (bounds.ratioMin !== undefined) {
    const lowest = add(s, Math.log(bounds.ratioMin));
    share = add(share, mean(cast(less(clampedT, lowest), logT.dtype), -1));
    clampedT = maximum(clampedT, lowest);
  }
  if (bounds.ratioMax !== undefined) {
    const highest = add(s, Math.log(bounds.ratioMax));
    share = add(share, mean(cast(less(highest, clampedT), logT.dtype), -1));
    clampedT = minimum(clampedT, highest);
  }
  return { logT: clampedT, clamped: share };
};
