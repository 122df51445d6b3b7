import { assert, describe, it } from "vitest";
import { moduleErrorText } from "./module_error.ts";

describe("moduleErrorText", () => {
  it("moduleErrorText() gives the first line of the file that the error's stack names", () => {
    const error = new SyntaxError("Expression expected");
    error.stack = "/a/env.ts:7\nexport const x = ;\nSyntaxError: Expression expected";
    assert.strictEqual(
      moduleErrorText(error, "/a/env.ts"),
      "Expected a module that loads, got Expression expected, at /a/env.ts:7",
    );
  });

  it("moduleErrorText() does without a line where the stack is another file's", () => {
    const text = moduleErrorText(new Error("gone"), "/a/env.ts", "env.ts");
    assert.strictEqual(text, "Expected a module that loads, got gone, at env.ts");
  });
});
