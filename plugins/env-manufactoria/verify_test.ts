import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { parseProgram } from "./language/mod.ts";
import { outputMatches, verify } from "./verify.ts";

const passed = (text: string, test: { input: string; accepted: boolean; output?: string }) =>
  verify(Result.getOrThrow(parseProgram(text)), [test])[0]?.passed;

const ACCEPT = "START start:\n    NEXT end\nEND end";
const LOOP = "START start:\n    NEXT p\nPULLER_RB p:\n    [EMPTY] p\nEND end";

describe("verify()", () => {
  it("compares acceptance alone where no output is wanted; a loop rejects", () => {
    assert.isTrue(passed(ACCEPT, { input: "R", accepted: true }));
    assert.isFalse(passed(ACCEPT, { input: "R", accepted: false }));
    assert.isTrue(passed(LOOP, { input: "Y", accepted: false }));
    assert.isFalse(passed(LOOP, { input: "Y", accepted: true }));
  });

  it("wants the tape and the end where an output is wanted", () => {
    assert.isTrue(passed(ACCEPT, { input: "RB", accepted: true, output: "RB" }));
    assert.isFalse(passed(ACCEPT, { input: "RB", accepted: true, output: "R" }));
    assert.isTrue(passed(ACCEPT, { input: "RB", accepted: false, output: "R" }));
    assert.isFalse(passed(LOOP, { input: "Y", accepted: true, output: "Y" }));
  });
});

describe("outputMatches()", () => {
  it("reads an output with signs of a pattern as one, from front to back", () => {
    assert.isTrue(outputMatches("RRB", "R+B"));
    assert.isFalse(outputMatches("RRBR", "R+B"));
    assert.isTrue(outputMatches("G", "R|G"));
    assert.isFalse(outputMatches("RB", "R"));
  });

  it("compares an invalid pattern as it is", () => {
    assert.isFalse(outputMatches("R", "(R"));
    assert.isTrue(outputMatches("(R", "(R"));
  });
});
