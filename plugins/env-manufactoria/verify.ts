/** A program against the tests of a criterion. */
import type { TapeTest } from "./criteria/mod.ts";
import { type Program, type Run, runProgram, type Tape } from "./language/mod.ts";

/** What a program did with the tape of a test. */
export interface Verdict {
  readonly test: TapeTest;
  readonly run: Run;
  readonly passed: boolean;
}

const PATTERN = /[.+*?|()]/;

/** The pattern of an expected output, or undefined where it is a tape, or no valid pattern. */
const patternOf = (expected: string): RegExp | undefined => {
  try {
    return PATTERN.test(expected) ? new RegExp(`^(?:${expected})$`) : undefined;
  } catch {
    return undefined;
  }
};

/** Whether a tape is the expected output, or matches it from front to back where it is a pattern. */
export const outputMatches = (tape: Tape, expected: string): boolean =>
  patternOf(expected)?.test(tape) ?? tape === expected;

/**
 * Runs the program on every test. Halting anywhere but at the end counts as rejecting, an endless loop too. Where the
 * output counts, accepting with another tape is as wrong as rejecting.
 */
export const verify = (program: Program, tests: ReadonlyArray<TapeTest>): ReadonlyArray<Verdict> =>
  tests.map((test) => {
    const run = runProgram(program, test.input);
    const done =
      run.halt === "end" && (test.output === undefined || outputMatches(run.tape, test.output));
    return { test, run, passed: done === test.accepted };
  });
