/** Which tokens are worth learning, by how sure student and teacher are of them (off in the paper). */
import type { EntropyRank, TokenFilter } from "@resd/core";

/** Entropies in nats of every token of one sequence. */
export interface Entropies {
  readonly student: ArrayLike<number>;
  readonly teacher: ArrayLike<number>;
}

const scores: Readonly<Record<EntropyRank, (teacher: number, student: number) => number>> = {
  difference: (teacher, student) => teacher - student,
  "absolute-difference": (teacher, student) => Math.abs(teacher - student),
  ratio: (teacher, student) => teacher / Math.max(student, 1e-8),
  "teacher-high": (teacher) => teacher,
  "teacher-low": (teacher) => -teacher,
  "student-high": (_, student) => student,
  "student-low": (_, student) => -student,
};

/**
 * The mask of one sequence without the tokens that the filter leaves out. Masked tokens stay masked and count for
 * nothing; of a sequence with trained tokens `entropy-share` keeps at least one.
 */
export const filterTokens = (
  filter: TokenFilter,
  mask: ArrayLike<number>,
  { student, teacher }: Entropies,
): Uint8Array => {
  const trained = Array.from({ length: mask.length }, (_, t) => t).filter(
    (t) => (mask[t] as number) > 0,
  );
  const scoreOf = (t: number): number =>
    scores[filter._tag === "entropy-share" ? filter.by : "difference"](
      teacher[t] as number,
      student[t] as number,
    );
  const kept = new Uint8Array(mask.length);
  if (filter._tag === "entropy-gain") {
    for (const t of trained) kept[t] = scoreOf(t) > 0 ? 1 : 0;
    return kept;
  }
  const count = Math.max(1, Math.ceil(filter.share * trained.length));
  const lowest = trained.map(scoreOf).toSorted((a, b) => b - a)[count - 1] ?? Infinity;
  for (const t of trained) kept[t] = scoreOf(t) >= lowest ? 1 : 0;
  return kept;
};
