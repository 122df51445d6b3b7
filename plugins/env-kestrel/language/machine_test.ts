import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { type BenchCase, caseTexts, runBench } from "./bench.ts";
import { type Convention, conventionAt, randomConvention } from "./convention.ts";
import { finalDigit, runPlan, runProgram } from "./machine.ts";
import { applyOperation, isPort, mnemonicsFor } from "./operations.ts";
import { LEVELS, type Plan, randomPlan } from "./plan.ts";
import { type Program, goldProgram } from "./program.ts";

/** In the first convention every operation has the mnemonic of its own place in the group. */
const chip: Convention = conventionAt(0);
const plan: Plan = {
  steps: [
    { operation: "square" },
    { operation: "subtract", argument: 3 },
    { operation: "subtract", argument: 3 },
    { operation: "screen" },
  ],
  inputs: [4, 0, 1],
};
const attempt: Program = [
  { comment: "square", mnemonic: "JAL" }, // doubles
  { comment: "subtract", mnemonic: "KEL", argument: 3 }, // adds
  { comment: "subtract", mnemonic: "ZUB", argument: 3 }, // subtracts
  { comment: "screen", mnemonic: "WYN" }, // screen
];

describe("the machine", () => {
  it("runPlan() does what the words say, and runProgram() what the mnemonics mean", () => {
    assert.deepStrictEqual(runPlan(plan, 4), { trace: [4, 6, 3, 0], port: "screen" });
    assert.deepStrictEqual(runProgram(attempt, chip, 4), { trace: [4, 8, 1, 8], port: "screen" });
  });

  it("runProgram() starts the trace with the input and adds one digit an instruction, none for the port", () => {
    const random = makeRandom("traces");
    for (let i = 0; i < 500; i++) {
      const convention = randomConvention(random);
      const { steps } = randomPlan(random, random.pick(LEVELS));
      const program: Program = steps.map(({ operation, ...argument }) => ({
        comment: operation,
        mnemonic: random.pick(mnemonicsFor(operation)),
        ...argument,
      }));
      const { trace, port } = runProgram(program, convention, i % 10);
      assert.strictEqual(trace[0], i % 10);
      assert.strictEqual(trace.length, program.length);
      program.forEach((line, k) => {
        const operation = convention.operationOf[line.mnemonic];
        if (isPort(operation)) assert.strictEqual(port, operation);
        else
          assert.strictEqual(
            trace[k + 1],
            applyOperation(operation, trace[k] ?? Number.NaN, line.argument),
          );
      });
    }
  });
});

describe("runBench", () => {
  it("runBench() passes the gold program on every input, under every convention", () => {
    const random = makeRandom("gold");
    for (let i = 0; i < 2000; i++) {
      const convention = randomConvention(random);
      const any = randomPlan(random, random.pick(LEVELS));
      const cases = runBench(any, goldProgram(any, convention), convention);
      assert.isTrue(cases.every((one) => one.passed));
      assert.deepStrictEqual(
        cases.map((one) => one.input),
        any.inputs,
      );
    }
  });

  it("runBench() judges digit and port, not the way there", () => {
    // 9 - (9 - v) is v again, and so is (v + 3) - 3.
    const back: Plan = {
      steps: [{ operation: "at-most", argument: 7 }, { operation: "disk" }],
      inputs: [1, 2, 3],
    };
    const around: Program = [
      { comment: "flip", mnemonic: "ROK" },
      { comment: "flip", mnemonic: "ROK" },
      { comment: "disk", mnemonic: "OUX" },
    ];
    assert.isTrue(runBench(back, around, chip).every((one) => one.passed));
    const elsewhere = around.with(2, { comment: "disk", mnemonic: "DAB" });
    assert.isFalse(runBench(back, elsewhere, chip).some((one) => one.passed));
  });

  it("caseTexts() words a case as the protocol does", () => {
    const [first] = runBench(plan, attempt, chip) as [BenchCase];
    assert.isFalse(first.passed);
    assert.strictEqual(finalDigit(first.expected), 0);
    assert.deepStrictEqual(caseTexts(first), {
      input: "x 4",
      expected: "0 screen",
      actual: "8 screen",
      debug: "trace 4 8 1 8",
    });
  });

  it("runBench() without a program passes nothing and has nothing to show but the demand", () => {
    const [first] = runBench(plan, undefined, chip) as [BenchCase];
    assert.deepStrictEqual(caseTexts(first), { input: "x 4", expected: "0 screen" });
    assert.isFalse(first.passed);
  });
});
