/**
 * What a perfect reader of a Kestrel attempt would write: the reflection, the tags that follow from it, and the
 * curator's reply, word by word in the compact format. Derived from what the model sees too (the plan's text, the
 * attempt, the feedback, the playbook), never from the hidden convention.
 */
import {
  type Diagnosis,
  confirmProgram,
  diagnoseProgram,
  parseProgram,
  plannedOperations,
  unreadable,
} from "@resd/env-kestrel/language";
import { Result } from "effect";

/** An attempt as its reader sees it, each field as text of the compact format. */
export interface VisibleAttempt {
  readonly plan: string;
  readonly attempt: string;
  /** `pass`, `error 20:`, or `test x 4 want 0 screen got 8 screen trace 4 8 1 8`. */
  readonly feedback: string;
}

/** A perfect reflection: what the trace proves. */
export type OracleReflection = Diagnosis;

const WORDS = / +/;

/**
 * The reflection on an attempt: one verdict for each executed line, then the insight.
 * Throws a TypeError when the three texts do not belong together, such as a trace for a program that cannot be read.
 */
export const reflect = ({ plan, attempt, feedback }: VisibleAttempt): OracleReflection => {
  const seen = feedback.split(WORDS);
  if (seen[0] === "error") return unreadable(seen[1] ?? "");
  const wanted = plannedOperations(plan);
  const program = parseProgram(attempt);
  const traceAt = seen.indexOf("trace");
  if (Result.isSuccess(program)) {
    if (seen[0] === "pass") return confirmProgram(program.success, wanted);
    if (seen[0] === "test" && traceAt > 0) {
      const port = seen[seen.indexOf("got") + 2] ?? "";
      return diagnoseProgram(program.success, wanted, {
        trace: seen.slice(traceAt + 1).map(Number),
        port,
      });
    }
  }
  throw new TypeError(
    `Expected feedback that the bench gives to this attempt, got "${feedback}" for "${attempt}"`,
  );
};

/**
 * The curator's reply to an insight (`double is PEF`; undefined for none): what the playbook has for the operation, then
 * the operation that adds the insight if that is nothing, or `none`. An operation that has an entry is left alone, also
 * by an insight that contradicts it: a false entry has to be refuted by tags before another takes its place, and a false
 * insight cannot stand beside a true entry.
 */
export const curate = (playbook: ReadonlyArray<string>, insight: string | undefined): string => {
  if (insight === undefined) return "none";
  const [operation] = insight.split(WORDS);
  const known = playbook.flatMap((entry) => {
    const [of, , has] = entry.split(WORDS);
    return of === operation && has !== undefined ? [has] : [];
  });
  return known.length === 0
    ? `${operation} empty ADD ${insight}`
    : `${operation} ${known.join(" ")} none`;
};
