/** Calls of tools as text: how the chat format asks models to write them, and how it reads them back. Nothing here throws. */
import type { Action, Attempt, Message, ToolCall, ToolSpec } from "@resd/core";
import { Result } from "effect";
import { isObject } from "./json_reply.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

/** Line breaks and tabs inside strings, which many models write as they are, in the form that JSON has for them. */
const withEscapes = (json: string): string => {
  let quoted = false;
  let out = "";
  for (let i = 0; i < json.length; i++) {
    const letter = json[i]!;
    if (quoted && letter === "\\") out += letter + (json[++i] ?? "");
    else {
      if (letter === '"') quoted = !quoted;
      out += quoted && letter < " " ? JSON.stringify(letter).slice(1, -1) : letter;
    }
  }
  return out;
};

const parse = (text: string): unknown =>
  Result.getOrUndefined(Result.try((): unknown => JSON.parse(withEscapes(text))));

/**
 * One call. Where the text is no object with a name, the whole of it is the argument of a tool without a name, so that
 * whoever runs the tools can say what is wrong.
 */
const readCall = (text: string, id: string): ToolCall => {
  const value = parse(text);
  if (!isObject(value) || typeof value["name"] !== "string") {
    return { id, name: "", arguments: text.trim() };
  }
  const given = value["arguments"] ?? value["parameters"] ?? {};
  // Arguments as a text that holds JSON are what some models have learned.
  const inside = typeof given === "string" ? parse(given) : undefined;
  return { id, name: value["name"], arguments: isObject(inside) ? inside : given };
};

/** The calls in a reply, named `call-1`, `call-2` … in their order, and what is said beside them. */
export const readToolCalls = (
  text: string,
): { readonly content: string; readonly toolCalls: ReadonlyArray<ToolCall> } => {
  const toolCalls: Array<ToolCall> = [];
  let content = "";
  let from = 0;
  for (;;) {
    const open = text.indexOf(OPEN, from);
    const close = open < 0 ? -1 : text.indexOf(CLOSE, open);
    if (close < 0) break;
    content += text.slice(from, open);
    toolCalls.push(readCall(text.slice(open + OPEN.length, close), `call-${toolCalls.length + 1}`));
    from = close + CLOSE.length;
  }
  return { content: (content + text.slice(from)).trim(), toolCalls };
};

const writeCall = ({ name, arguments: args }: ToolCall): string =>
  `${OPEN}\n${name === "" && typeof args === "string" ? args : JSON.stringify({ name, arguments: args })}\n${CLOSE}`;

/** What an action says, its calls in the form in which they are read. */
export const actionText = ({ content, toolCalls = [] }: Action): string =>
  [...(content === "" ? [] : [content]), ...toolCalls.map((call) => writeCall(call))].join("\n");

/** The answer of an attempt as text: of several turns, what was said in each. */
export const answerText = (attempt: Pick<Attempt, "actions">): string =>
  attempt.actions.map((action) => actionText(action)).join("\n\n");

const INSTRUCTION = `You can use the tools below. To call one, write a block of this form:

${OPEN}
{"name": "<name of the tool>", "arguments": {"<name of an argument>": <its value>}}
${CLOSE}

What your calls came to is in the message that follows. The tools, each with a JSON Schema of its arguments:`;

const toolLine = ({ name, description, parameters }: ToolSpec): string =>
  JSON.stringify({ name, description, parameters });

const resultText = ({ name, content }: Message): string =>
  `<tool_response${name === undefined ? "" : ` name=${JSON.stringify(name)}`}>\n${content}\n</tool_response>`;

/**
 * A conversation for a template that knows nothing of tools: the first message of the user explains them, calls are
 * written out, and results come as messages of the user.
 */
export const spelledOut = (
  messages: ReadonlyArray<Message>,
  tools: ReadonlyArray<ToolSpec>,
): ReadonlyArray<Message> => {
  const out: Array<Message> = [];
  let afterResult = false;
  for (const message of messages) {
    const last = out.at(-1);
    if (message.role === "tool" && afterResult && last !== undefined) {
      out[out.length - 1] = { ...last, content: `${last.content}\n${resultText(message)}` };
    } else if (message.role === "tool") {
      out.push({ role: "user", content: resultText(message) });
    } else if (message.toolCalls !== undefined) {
      const { toolCalls, ...said } = message;
      out.push({ ...said, content: actionText({ ...said, toolCalls, stop: "eos" }) });
    } else {
      out.push(message);
    }
    afterResult = message.role === "tool";
  }
  const at = out.findIndex(({ role }) => role === "user");
  const first = out[at];
  if (first === undefined || tools.length === 0) return out;
  const explained = [INSTRUCTION, ...tools.map((tool) => toolLine(tool))].join("\n");
  return out.with(at, { ...first, content: `${explained}\n\n${first.content}` });
};
