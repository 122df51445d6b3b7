import { assert, describe, it } from "vitest";
import { redactor } from "./redact.ts";

describe("redactor", () => {
  it("redactor() takes a secret out in every form that endpoints repeat it in", () => {
    const secret = 'sk-a"b\\c/+d';
    const redact = redactor(secret);
    const echoes = [secret, JSON.stringify({ key: secret }), `?key=${encodeURIComponent(secret)}`];
    for (const echo of echoes) {
      assert.include(redact(echo), "<redacted>");
      assert.notInclude(redact(echo), "sk-a");
    }
    assert.strictEqual(redactor("")("nothing to hide"), "nothing to hide");
  });
});
