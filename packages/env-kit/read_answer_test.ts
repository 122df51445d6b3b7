import { Schema } from "effect";
import { assert, describe, it } from "vitest";
import {
  type Reader,
  Unreadable,
  readCode,
  readJson,
  readNumber,
  withoutThinking,
} from "./read_answer.ts";

const read = <A>(reader: Reader<A>, text: string) => {
  const answer = reader(text);
  return answer instanceof Unreadable ? answer.message : answer;
};

describe("readers of answers", () => {
  it("withoutThinking() leaves out whole thoughts, and all that follows one without an end, in time", () => {
    assert.strictEqual(withoutThinking(" a <think>b</think> c<think></think>d"), "a  cd");
    assert.strictEqual(withoutThinking("a <think>b</think> c <think>d"), "a  c");
    assert.strictEqual(withoutThinking("<think>a<think>b</think>c"), "c");
    assert.strictEqual(withoutThinking("<think>".repeat(100_000)), "");
  });

  it("readNumber() reads the last line, and says what it found instead", () => {
    assert.strictEqual(read(readNumber, "42"), 42);
    assert.strictEqual(read(readNumber, "Let me see.\n -1.5e3"), -1500);
    assert.strictEqual(
      read(readNumber, "It is 42."),
      'Expected a number as the last line, got "It is 42.".',
    );
  });

  it("readCode() takes the last closed block, or everything where there is no fence", () => {
    assert.strictEqual(read(readCode(), "a + b"), "a + b");
    assert.strictEqual(read(readCode("js"), "First\n```js\n1\n```\nthen\n```js\n2\n```"), "2");
    assert.strictEqual(
      read(readCode("js"), "```py\n1\n```"),
      "Expected a closed code block of js.",
    );
    assert.strictEqual(read(readCode(), "```js\n1"), "Expected a closed code block.");
  });

  it("readJson() decodes by a schema, and says what does not fit", () => {
    const reader = readJson(Schema.Struct({ row: Schema.Int }));
    assert.deepStrictEqual(read(reader, '```json\n{"row": 3}\n```'), { row: 3 });
    assert.match(String(read(reader, '{"row": "3"}')), /does not fit: .*row/s);
    assert.strictEqual(read(reader, "row 3"), 'Expected JSON, got "row 3".');
  });
});
