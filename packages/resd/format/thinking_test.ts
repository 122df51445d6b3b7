import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import golden from "../fixtures/concise-golden.json" with { type: "json" };
import { splitThinking } from "./thinking.ts";

describe("splitThinking()", () => {
  it("splitThinking() agrees with the released code, except that unclosed thinking goes", () => {
    const cases = (golden.extra.find((item) => item.name === "remove_thinking")?.cases ??
      []) as ReadonlyArray<{ readonly text: string; readonly result: string }>;
    assert.strictEqual(cases.length, 5);
    for (const { text, result } of cases) {
      const { answer, unfinished } = splitThinking(text);
      assert.strictEqual(answer, unfinished ? "" : result);
      assert.strictEqual(unfinished, text === "<think>unfinished");
    }
  });

  it("splitThinking() keeps the thinking apart", () => {
    assert.deepEqual(splitThinking("<think> a </think>\n\nb <think>c</think> d"), {
      answer: "b d",
      reasoning: "a\n\nc",
      unfinished: false,
    });
    assert.deepEqual(splitThinking("b"), { answer: "b", unfinished: false });
    assert.deepEqual(splitThinking("answer <think>more"), {
      answer: "answer ",
      reasoning: "more",
      unfinished: true,
    });
  });

  it("splitThinking() begins inside the thinking, when the prompt opened it", () => {
    assert.deepEqual(splitThinking("a</think>b", true), {
      answer: "b",
      reasoning: "a",
      unfinished: false,
    });
    assert.deepEqual(splitThinking("never closed", true), {
      answer: "",
      reasoning: "never closed",
      unfinished: true,
    });
    assert.strictEqual(splitThinking("<think>a</think>b", true).answer, "b");
  });

  it("splitThinking() leaves no tag of a well-formed reply, and takes linear time", () => {
    const random = makeRandom("thinking");
    for (let round = 0; round < 2000; round++) {
      const reply = Array.from({ length: random.int(12) }, () =>
        random.pick(["<think>", "</think>", "<thi", "nk>", "x", " ", "\n"]),
      ).join("");
      assert.notInclude(splitThinking(reply).answer, "<think>");
    }
    // Anything worse than linear would run into the time limit of the test.
    splitThinking("<think>".repeat(100_000));
    splitThinking("</think>".repeat(100_000));
    splitThinking(`<think>${" ".repeat(500_000)}`);
  });
});
