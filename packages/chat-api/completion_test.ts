import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { readCompletion } from "./completion.ts";

const body = (content: unknown, rest: object = {}, finish: unknown = "stop"): string =>
  JSON.stringify({ choices: [{ message: { content }, finish_reason: finish }], ...rest });

describe("readCompletion", () => {
  it("readCompletion() reads texts, parts and no content at all", () => {
    const parts = [
      { type: "thinking", text: "hm" },
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    const cases: ReadonlyArray<readonly [unknown, string]> = [
      ["said", "said"],
      [parts, "ab"],
      [null, ""],
      [undefined, ""],
    ];
    for (const [content, text] of cases)
      assert.strictEqual(readCompletion(body(content))?.text, text);
    assert.strictEqual(readCompletion(body("x", {}, "length"))?.stop, "max_tokens");
    assert.strictEqual(readCompletion(body("x", {}, 7))?.stop, "eos");
  });

  it("readCompletion() believes counts that can be, and no others", () => {
    const usage = { prompt_tokens: 12.5, completion_tokens: 3 };
    const { promptTokens, replyTokens } = readCompletion(body("x", { usage })) ?? {};
    assert.deepEqual([promptTokens, replyTokens], [13, 3]);
    for (const odd of [null, 7, "x", { prompt_tokens: -1, completion_tokens: "many" }, []]) {
      const read = readCompletion(body("x", { usage: odd }));
      assert.deepEqual(read, { text: "x", stop: "eos" });
    }
  });

  it("readCompletion() takes anything else for no completion, and never throws", () => {
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      '{"choices":[]}',
      '{"choices":[{}]}',
      body({}),
      body(5),
    ]) {
      assert.isUndefined(readCompletion(text), text);
    }
    const random = makeRandom("completion");
    const whole = body("said", { usage: { prompt_tokens: 1 } });
    for (let round = 0; round < 500; round++) {
      const at = random.int(whole.length);
      const torn =
        whole.slice(0, at) +
        random.pick(["", "}", "]", '"', "null", "\u2028"]) +
        whole.slice(at + random.int(4));
      readCompletion(torn);
    }
  });
});
