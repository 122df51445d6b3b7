import { assert, describe, it } from "@effect/vitest";
import { type Entry, type StepResult, type View, makeRandom } from "@resd/core";
import {
  LEVELS,
  caseTexts,
  mnemonicsFor,
  pairingsOf,
  programText,
  randomConvention,
  randomPlan,
  runBench,
} from "./language/mod.ts";
import { reflectOn } from "./reflect.ts";

const viewOf = (texts: ReadonlyArray<string>): View => ({
  version: 1,
  updateCount: 1,
  entries: texts.map((text): Entry => ({
    id: text,
    section: "OTHERS",
    text,
    helpful: 0,
    harmful: 0,
    createdAt: 0,
    lastTaggedAt: 0,
  })),
});
const plan = {
  steps: [{ operation: "square" }, { operation: "subtract", argument: 3 }, { operation: "screen" }],
  inputs: [4, 0, 1],
} as const;
const resultOf = (parts: Partial<StepResult>): StepResult => ({
  observation: [],
  status: "terminated",
  reward: 0,
  parse: "ok",
  ...parts,
});
const say = (content: string) => [{ content, stop: "eos" as const }];

describe("reflectOn", () => {
  it("reflectOn() judges every line by the trace, tags what is known, and states one lesson", () => {
    const result = resultOf({
      tests: [
        {
          id: "1",
          visibility: "public",
          status: "failed",
          input: "x 4",
          expected: "3 screen",
          actual: "1 screen",
          debug: "trace 4 8 1",
        },
      ],
    });
    const attempt = say("10: square PEF 20: subtract ZUB 3 30: screen FIG");
    const view = viewOf(["square is PEF", "screen is FIG", "double is PEF"]);
    assert.deepStrictEqual(reflectOn(plan, attempt, [result], view), {
      text: "10: square PEF 4 8 did double bad 20: subtract ZUB 3 8 1 did add bad 30: screen FIG did screen ok insight double is PEF",
      insight: "double is PEF",
      tags: [
        { entry: "square is PEF", sign: "harmful" },
        { entry: "screen is FIG", sign: "helpful" },
      ],
      parse: "ok",
    });
  });

  it("reflectOn() repeats the line of a program that cannot be read, and confirms one that passes", () => {
    const failed = resultOf({ feedback: { parts: [], leakage: "none" } });
    for (const said of ["", "10: square", "</think> 10: square PEF 20:"]) {
      const { text, tags } = reflectOn(plan, say(said), [failed], viewOf(["square is PEF"]));
      assert.match(text, /^error \d0: insight none$/);
      assert.deepStrictEqual(tags, []);
    }
    assert.strictEqual(reflectOn(plan, [], []).text, "error 10: insight none");
    const passed = reflectOn(
      plan,
      say("10: square PEF 20: subtract MIP 3 30: screen FIG"),
      [resultOf({ success: true })],
      viewOf(["square is PEF"]),
    );
    assert.strictEqual(
      passed.text,
      "10: square PEF ok 20: subtract MIP ok 30: screen FIG ok insight none",
    );
    assert.deepStrictEqual(passed.tags, [{ entry: "square is PEF", sign: "helpful" }]);
  });

  it("reflectOn() says nothing that is not true of the chip", () => {
    const random = makeRandom("kestrel rules");
    for (let i = 0; i < 2000; i++) {
      const convention = randomConvention(random);
      const task = randomPlan(random, random.pick(LEVELS));
      const program = task.steps.map(({ operation, ...argument }) => ({
        comment: operation,
        mnemonic: random.pick(mnemonicsFor(operation)),
        ...argument,
      }));
      const tests = runBench(task, program, convention).map((one, at) => ({
        id: String(at),
        visibility: "public" as const,
        status: one.passed ? ("passed" as const) : ("failed" as const),
        ...caseTexts(one),
      }));
      const truth = new Set(pairingsOf(convention));
      const all = viewOf(program.map(({ comment, mnemonic }) => `${comment} is ${mnemonic}`));
      const failed = tests.some(({ status }) => status === "failed");
      const { insight, tags } = reflectOn(
        task,
        say(programText(program)),
        [resultOf({ tests })],
        all,
      );
      if (!failed) continue; // programs may pass with wrong words
      assert.isTrue(insight === undefined || truth.has(insight), insight);
      for (const { entry, sign } of tags) {
        assert.strictEqual(truth.has(entry), sign === "helpful", `${entry} ${sign}`);
      }
    }
  });
});
