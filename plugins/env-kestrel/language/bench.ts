/** The test bench: runs a program on every input of its plan and writes down what it saw. */
import type { Convention } from "./convention.ts";
import { type Outcome, finalDigit, runPlan, runProgram } from "./machine.ts";
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";

/** One line of the bench's protocol. */
export interface BenchCase {
  readonly input: number;
  readonly expected: Outcome;
  /** Absent where there was no program to run. */
  readonly actual?: Outcome;
  /** The right digit arrived at the right port; the way there does not matter. */
  readonly passed: boolean;
}

/** Runs a program on the plan's inputs, in their order. Without a program no case passes. */
export const runBench = (
  plan: Plan,
  program: Program | undefined,
  convention: Convention,
): ReadonlyArray<BenchCase> =>
  plan.inputs.map((input) => {
    const expected = runPlan(plan, input);
    if (program === undefined) return { input, expected, passed: false };
    const actual = runProgram(program, convention, input);
    return {
      input,
      expected,
      actual,
      passed: finalDigit(actual) === finalDigit(expected) && actual.port === expected.port,
    };
  });

/** A case in the words of the protocol: `x 4`, `0 screen`, `8 screen`, `trace 4 8 1 8`. */
export const caseTexts = (
  benchCase: BenchCase,
): {
  readonly input: string;
  readonly expected: string;
  readonly actual?: string;
  readonly debug?: string;
} => {
  const { input, expected, actual } = benchCase;
  return {
    input: `x ${input}`,
    expected: `${finalDigit(expected)} ${expected.port}`,
    ...(actual && {
      actual: `${finalDigit(actual)} ${actual.port}`,
      debug: `trace ${actual.trace.join(" ")}`,
    }),
  };
};
