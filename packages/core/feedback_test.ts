import { assert, describe, it } from "vitest";
import { quote } from "./feedback.ts";

describe("feedback", () => {
  it("quote() leaves a short text as it is, and says where a long one goes on", () => {
    assert.strictEqual(quote("MIP 3", 16), "MIP 3");
    assert.strictEqual(quote("x".repeat(17), 16), `${"x".repeat(16)}…`);
  });

  it("quote() gives well-formed text, wherever it cuts", () => {
    for (const text of ["\uD83D \uDE00", "😀".repeat(9), `x${"😀".repeat(9)}`]) {
      for (let length = 0; length <= text.length; length++) {
        assert.isTrue(quote(text, length).isWellFormed());
        assert.isAtMost(quote(text, length).length, length + 1);
      }
    }
  });
});
