/**
 * Chat templates rendered to prompts in which messages stay text.
 *
 * A template writes control tokens as plain characters, and so may a message. So every control token inside a message
 * is broken by a mark that occurs nowhere else before the template runs; what the template wrote itself is the only
 * thing left to match, and the marks are taken out of the text afterwards. Breaking only whole tokens lets templates
 * trim, split and compare contents as they do elsewhere; but a template that cuts contents apart could put a broken
 * token together again. So a second rendering has marks around every character, and where the two disagree about the
 * control tokens, the second stands.
 */
import type { Message, Prompt, Segment, ToolSpec } from "@resd/core";

/** What a template is given. */
export interface ChatOptions {
  /** End with the header of the assistant's reply. */
  readonly reply: boolean;
  readonly tools?: ReadonlyArray<ToolSpec>;
  /** Further variables, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Renders a template with messages in the form that Hugging Face templates read. */
export type RenderTemplate = (
  messages: ReadonlyArray<Readonly<Record<string, unknown>>>,
  variables: Readonly<Record<string, unknown>>,
) => string;

/** A conversation as Hugging Face templates read it. */
const templateMessage = (message: Message): Readonly<Record<string, unknown>> => ({
  role: message.role,
  content: message.content,
  ...(message.name === undefined ? {} : { name: message.name }),
  ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
  ...(message.toolCalls === undefined
    ? {}
    : {
        tool_calls: message.toolCalls.map(({ id, name, arguments: args }) => ({
          id,
          type: "function",
          function: { name, arguments: args },
        })),
      }),
});

const templateTool = ({ name, description, parameters }: ToolSpec) => ({
  type: "function",
  function: { name, description, parameters },
});

/** Applies `change` to every string of a JSON value, keys included. */
const mapTexts = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapTexts(item, change)]),
  );
};

/** Applies `change` to all that a policy, an environment or a user may have written in a message. */
const mapMessage = (message: Message, change: (text: string) => string): Message => ({
  role: message.role,
  content: change(message.content),
  ...(message.name === undefined ? {} : { name: change(message.name) }),
  ...(message.toolCallId === undefined ? {} : { toolCallId: change(message.toolCallId) }),
  ...(message.toolCalls === undefined
    ? {}
    : {
        toolCalls: message.toolCalls.map((call) => ({
          id: change(call.id),
          name: change(call.name),
          arguments: mapTexts(call.arguments, change),
        })),
      }),
});

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** Matches control tokens, the longest first where several begin at one place. */
const matcher = (controls: ReadonlyArray<string>): RegExp =>
  new RegExp(
    controls
      .toSorted((a, b) => b.length - a.length)
      .map(escapeRegExp)
      .join("|"),
    "gu",
  );

/** How a mark looks in JSON that keeps to ASCII. */
const escaped = (mark: string): string => `\\u${mark.charCodeAt(0).toString(16)}`;

/** A private-use character that occurs nowhere in the given text, not even escaped. */
const chooseMark = (text: string): string => {
  const lower = text.toLowerCase();
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const mark = String.fromCharCode(code);
    if (!lower.includes(mark) && !lower.includes(escaped(mark))) return mark;
  }
  throw new RangeError(
    "Expected a message that leaves one of 6400 private-use characters unused, got one with all of them",
  );
};

const split = (rendered: string, controls: RegExp, clean: (text: string) => string): Prompt => {
  const prompt: Array<Segment> = [];
  const pushText = (text: string) => {
    const cleaned = clean(text);
    if (cleaned !== "") prompt.push({ text: cleaned });
  };
  let at = 0;
  for (const match of rendered.matchAll(controls)) {
    pushText(rendered.slice(at, match.index));
    prompt.push({ control: match[0] });
    at = match.index + match[0].length;
  }
  pushText(rendered.slice(at));
  return prompt;
};

const controlsOf = (prompt: Prompt): string =>
  JSON.stringify(prompt.flatMap((segment) => ("control" in segment ? [segment.control] : [])));

/**
 * The prompt of a conversation under a template.
 *
 * @param controls contents of all control tokens
 * @throws whatever the template raises for a conversation that it does not take
 */
export const renderChatPrompt = (
  render: RenderTemplate,
  controls: ReadonlyArray<string>,
  messages: ReadonlyArray<Message>,
  options: ChatOptions,
): Prompt => {
  const mark = chooseMark(JSON.stringify([messages, options.tools]));
  const clean = (text: string) => text.replaceAll(mark, "").replaceAll(escaped(mark), "");
  const pattern = matcher(controls);
  const breakControls = (text: string): string =>
    controls.length === 0
      ? text
      : text.replace(pattern, (token) => token.slice(0, 1) + mark + token.slice(1));
  const variables = {
    ...options.variables,
    tools: mapTexts(options.tools?.map(templateTool) ?? null, breakControls),
    add_generation_prompt: options.reply,
  };
  const promptWith = (protect: (text: string) => string): Prompt => {
    const protectedMessages = messages.map((message) => mapMessage(message, protect));
    const rendered = render(protectedMessages.map(templateMessage), variables);
    return controls.length === 0 ? [{ text: clean(rendered) }] : split(rendered, pattern, clean);
  };
  const whole = promptWith(breakControls);
  const opaque = promptWith((text) => mark + text.split("").join(mark) + mark);
  return controlsOf(whole) === controlsOf(opaque) ? whole : opaque;
};
