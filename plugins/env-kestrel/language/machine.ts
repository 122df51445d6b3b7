/** The chip: one register that holds a digit, and four ports to send it to. */
import type { Convention } from "./convention.ts";
import { type Operation, type Port, applyOperation, isPort } from "./operations.ts";
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";

/** What an observer of the chip sees. */
export interface Outcome {
  /** The register before the first instruction and after each one; all digits. */
  readonly trace: ReadonlyArray<number>;
  readonly port: Port;
}

/** The digit that arrived at the port. */
export const finalDigit = (outcome: Outcome): number => outcome.trace.at(-1) as number;

const execute = (
  steps: ReadonlyArray<{
    readonly operation: Operation;
    readonly argument?: number | undefined;
  }>,
  input: number,
): Outcome => {
  const trace = [input];
  for (const { operation, argument } of steps) {
    if (isPort(operation)) return { trace, port: operation };
    trace.push(applyOperation(operation, trace.at(-1) as number, argument));
  }
  throw new RangeError("Expected steps that end at a port, got steps without one");
};

/** What the plan asks for. */
export const runPlan = (plan: Plan, input: number): Outcome => execute(plan.steps, input);

/** What the program does on a chip of this convention: mnemonics count, comments do not. */
export const runProgram = (program: Program, convention: Convention, input: number): Outcome =>
  execute(
    program.map((line) => ({
      operation: convention.operationOf[line.mnemonic],
      argument: line.argument,
    })),
    input,
  );
