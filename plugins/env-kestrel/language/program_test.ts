import { makeRandom } from "@resd/core";
import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { randomConvention } from "./convention.ts";
import { MNEMONICS, OPERATIONS } from "./operations.ts";
import { LEVELS, randomPlan } from "./plan.ts";
import { goldProgram, parseProgram, programText } from "./program.ts";

const lineOf = (text: string): string => {
  const parsed = parseProgram(text);
  return Result.isFailure(parsed) ? parsed.failure.line : "no error";
};

describe("parseProgram", () => {
  it("parseProgram() reads back what programText() writes", () => {
    const random = makeRandom("round trip");
    for (let i = 0; i < 500; i++) {
      const program = goldProgram(
        randomPlan(random, random.pick(LEVELS)),
        randomConvention(random),
      );
      assert.deepStrictEqual(parseProgram(programText(program)), Result.succeed(program));
    }
  });

  it("parseProgram() takes any white space and ignores what a comment means", () => {
    assert.deepStrictEqual(
      parseProgram("\n10: printer  TOR 7\n20:\taverage OUX\n"),
      Result.succeed([
        { comment: "printer", mnemonic: "TOR", argument: 7 },
        { comment: "average", mnemonic: "OUX" },
      ]),
    );
  });

  it.each([
    ["nothing", "", "10:"],
    ["a wrong first line number", "20: flip JAL", "10:"],
    ["a missing comment", "10: JAL 20: disk OUX", "10:"],
    ["a missing mnemonic", "10: flip 20: disk OUX", "10:"],
    ["a missing argument", "10: add KEL 20: disk OUX", "10:"],
    ["an argument the chip has not", "10: add KEL 5 20: disk OUX", "10:"],
    ["an argument too many", "10: flip JAL 3 20: disk OUX", "20:"],
    ["a repeated line number", "10: flip JAL 10: disk OUX", "20:"],
    ["no port", "10: flip JAL 20: add KEL 3", "30:"],
    ["no port on four lines", "10: flip JAL 20: flip JAL 30: flip JAL 40: flip JAL", "40:"],
    ["a fifth line", "10: flip JAL 20: flip JAL 30: flip JAL 40: flip JAL 50: disk OUX", "40:"],
    ["something after the port", "10: disk OUX 20: disk OUX", "10:"],
    ["a control token", "10: disk OUX <end>", "10:"],
    ["lower case", "10: disk oux", "10:"],
  ])("parseProgram() names the line of %s", (_, text, line) => {
    assert.strictEqual(lineOf(text), line);
  });

  it("parseProgram() says what it expected, what came and where", () => {
    const parsed = parseProgram("10: add KEL screwdriver-screwdriver");
    assert.isTrue(Result.isFailure(parsed));
    if (Result.isFailure(parsed)) {
      assert.strictEqual(
        parsed.failure.message,
        'Expected one of 2, 3, 4, 7 after KEL, got "screwdriver-scre…", at word 4',
      );
    }
  });

  it("parseProgram() is total: garbage of any kind gives a program or a line between 10: and 40:", () => {
    const random = makeRandom("garbage");
    const words = [
      ...OPERATIONS,
      ...MNEMONICS,
      "10:",
      "20:",
      "30:",
      "40:",
      "50:",
      "2",
      "5",
      "\u0000",
      "🜁",
      "constructor",
      "__proto__",
      "<task>",
    ];
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: random.int(24) }, () => random.pick(words)).join(
        random.pick([" ", "\n", "", "  "]),
      );
      const parsed = parseProgram(text);
      if (Result.isFailure(parsed)) {
        assert.include(["10:", "20:", "30:", "40:"], parsed.failure.line);
        assert.isBelow(parsed.failure.message.length, 120);
      }
    }
  });

  it("parseProgram() does not read a text of megabytes", () => {
    const started = performance.now();
    assert.strictEqual(lineOf("10: flip JAL ".repeat(400_000)), "20:");
    assert.strictEqual(lineOf("x".repeat(4_000_000)), "10:");
    assert.isBelow(performance.now() - started, 1000);
  });
});
