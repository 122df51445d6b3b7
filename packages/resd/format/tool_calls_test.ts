import { type Message, type ToolSpec, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { actionText, readToolCalls, spelledOut } from "./tool_calls.ts";

const call = (json: string): string => `<tool_call>\n${json}\n</tool_call>`;
const spec: ToolSpec = {
  name: "look",
  description: "Looks at a place.",
  parameters: { type: "object", properties: { place: { type: "string" } } },
};

describe("readToolCalls()", () => {
  it("readToolCalls() takes the calls out of what is said, in their order", () => {
    assert.deepStrictEqual(
      readToolCalls(
        `First here.\n${call('{"name": "look", "arguments": {"place": "attic"}}')}\nThen there.\n${call('{"name": "leave"}')}`,
      ),
      {
        content: "First here.\n\nThen there.",
        toolCalls: [
          { id: "call-1", name: "look", arguments: { place: "attic" } },
          { id: "call-2", name: "leave", arguments: {} },
        ],
      },
    );
  });

  it("readToolCalls() reads the ways in which models have learned to write arguments", () => {
    const argumentsOf = (json: string) => readToolCalls(call(json)).toolCalls[0]?.arguments;
    const place = { place: "attic" };
    assert.deepStrictEqual(
      argumentsOf('{"name": "look", "parameters": {"place": "attic"}}'),
      place,
    );
    assert.deepStrictEqual(
      argumentsOf('{"name": "look", "arguments": "{\\"place\\": \\"attic\\"}"}'),
      place,
    );
    assert.deepStrictEqual(
      argumentsOf('{"name": "look", "arguments": {"place": "two\n\tlines"}}'),
      {
        place: "two\n\tlines",
      },
    );
    assert.strictEqual(argumentsOf('{"name": "look", "arguments": "attic"}'), "attic");
  });

  it("readToolCalls() keeps what it cannot read as the argument of a tool without a name", () => {
    for (const text of ["look attic", '{"name": 7}', "[]", "null", '{"name": "look"', ""]) {
      assert.deepStrictEqual(readToolCalls(call(text)).toolCalls, [
        { id: "call-1", name: "", arguments: text },
      ]);
    }
  });

  it("readToolCalls() leaves a block that does not end in the text", () => {
    const cut = '<tool_call>\n{"name": "look", "arguments": {"pla';
    assert.deepStrictEqual(readToolCalls(cut), { content: cut, toolCalls: [] });
  });

  it("readToolCalls() reads what actionText() writes, and never throws", () => {
    const random = makeRandom("tool calls");
    const letters = ['"', "\\", "\n", "{", "}", "<tool_call>", "</tool_call", "x", "🦅", ":", ","];
    const word = () => Array.from({ length: random.int(8) }, () => random.pick(letters)).join("");
    for (let i = 0; i < 500; i++) {
      const calls = Array.from({ length: 1 + random.int(3) }, (_, at) => ({
        id: `call-${at + 1}`,
        name: `tool${random.int(3)}`,
        arguments: {
          text: word().replaceAll("</tool_call", ""),
          deep: [{ list: [word().length, null] }],
        },
      }));
      const text = actionText({ content: "so", toolCalls: calls, stop: "eos" });
      assert.deepStrictEqual(readToolCalls(text), { content: "so", toolCalls: calls });
      readToolCalls(word() + word());
    }
  });

  it("actionText() writes what could not be read as it was", () => {
    const text = call("look attic");
    assert.strictEqual(actionText({ ...readToolCalls(text), stop: "eos" }), text);
  });
});

describe("spelledOut()", () => {
  const messages: ReadonlyArray<Message> = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Where is the key?" },
    {
      role: "assistant",
      content: "I look.",
      toolCalls: [{ id: "call-1", name: "look", arguments: { place: "attic" } }],
    },
    { role: "tool", name: "look", toolCallId: "call-1", content: "Dust." },
    { role: "tool", content: "More dust." },
    { role: "user", content: "Well?" },
  ];

  it("spelledOut() explains the tools to the user, writes calls, and gives results as one message", () => {
    const out = spelledOut(messages, [spec]);
    assert.deepStrictEqual(
      out.map(({ role }) => role),
      ["system", "user", "assistant", "user", "user"],
    );
    assert.include(out[1]!.content, JSON.stringify(spec));
    assert.isTrue(out[1]!.content.endsWith("\n\nWhere is the key?"));
    assert.strictEqual(
      out[2]!.content,
      `I look.\n${call('{"name":"look","arguments":{"place":"attic"}}')}`,
    );
    assert.strictEqual(
      out[3]!.content,
      '<tool_response name="look">\nDust.\n</tool_response>\n<tool_response>\nMore dust.\n</tool_response>',
    );
    assert.strictEqual(out[4]!.content, "Well?");
  });

  it("spelledOut() changes nothing in a conversation without tools", () => {
    const plain = messages.slice(0, 2);
    assert.deepStrictEqual(spelledOut(plain, []), plain);
  });
});
