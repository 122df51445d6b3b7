/** The chat format, for instruction-tuned models: their own chat template around our wording, and replies in JSON. */
import {
  type Attempt,
  type Message,
  type Prompt,
  type PromptFormat,
  type Reflection,
  type ReplyParse,
  type Segment,
  type StepResult,
  type Stop,
  type ToolSpec,
  type View,
  isSuccess,
  renderFeedback,
} from "@resd/core";
import { Result } from "effect";
import {
  type CuratorOperation,
  chatPrompts,
  curatorMessage,
  reflectorMessage,
  successMessage,
  teacherMessage,
} from "./chat_prompts.ts";
import type { PromptFile } from "./prompt_file.ts";
import { extractTags, findJson, isObject, readOperations } from "./json_reply.ts";
import { splitThinking } from "./thinking.ts";
import { actionText, readToolCalls, spelledOut } from "./tool_calls.ts";

/**
 * A model's chat template: messages in, prompt out. Role markers are control segments where the model has tokens for
 * them; the content of messages is text and nothing else. `reply` opens the assistant's turn at the end; `tools` are for
 * templates that know how to offer them. Whether the model is to think is for the maker of the template to bind.
 */
export type ChatTemplate = (
  messages: ReadonlyArray<Message>,
  options: { readonly reply: boolean; readonly tools?: ReadonlyArray<ToolSpec> },
) => Prompt;

/** What of the chat format is a choice. */
export interface ChatFormatOptions {
  /** The wording; the format's own unless given. */
  readonly prompts?: PromptFile;
  /** What curators are asked for; additions alone, as in the paper, unless given. */
  readonly operations?: ReadonlyArray<CuratorOperation>;
  /** Test cases that feedback shows; 2 as in the paper's tape machine. */
  readonly maxCases?: number;
  /** Length of the feedback of one step, in UTF-16 units. */
  readonly maxFeedbackChars?: number;
}

/** Everything that an attempt said and was told, turn by turn; of a single turn just the answer. */
const transcript = ({ actions, results }: Attempt): string => {
  const texts = actions.map((action) => actionText(action));
  if (texts.length < 2) return texts[0] ?? "";
  return texts
    .map((text, i) => {
      const told = (results[i]?.observation ?? []).map((message) => message.content).join("\n");
      const answer = `Turn ${i + 1}, answer:\n${text || "(none)"}`;
      return told === "" ? answer : `${answer}\n\nTurn ${i + 1}, reply to it:\n${told}`;
    })
    .join("\n\n");
};

/** An answer that no message contains, so that it can be found again in the rendered text. */
const dummyAnswer = (messages: ReadonlyArray<Message>): string => {
  let dummy = "Understood.";
  while (messages.some((message) => message.content.includes(dummy))) dummy = `Yes. ${dummy}`;
  return dummy;
};

const spelled = (prompt: Prompt): string =>
  prompt.map((segment) => ("text" in segment ? segment.text : segment.control)).join("");

const PROBE: ToolSpec = {
  name: "look_up_the_weather",
  description: "Says what the weather is.",
  parameters: { type: "object", properties: {} },
};

/** Whether a template offers tools by itself, and asks for calls in the form that is read here. */
const offersTools = (template: ChatTemplate): boolean => {
  try {
    const hello: Message = { role: "user", content: "Hello." };
    const text = spelled(template([hello], { reply: true, tools: [PROBE] }));
    return [PROBE.name, "<tool_call>", '"arguments"'].every((part) => text.includes(part));
  } catch {
    return false; // there are templates that raise an error for what they do not know
  }
};

/** What follows the last segment that contains `mark`; undefined where none does. */
const after = (prompt: Prompt, mark: string): Prompt | undefined => {
  const at = prompt.findLastIndex((segment) => "text" in segment && segment.text.includes(mark));
  const segment: Segment | undefined = prompt[at];
  if (segment === undefined || !("text" in segment)) return undefined;
  const rest = segment.text.slice(segment.text.lastIndexOf(mark) + mark.length);
  return [...(rest === "" ? [] : [{ text: rest }]), ...prompt.slice(at + 1)];
};

const isCut = (stop: Stop): boolean => stop === "max_tokens" || stop === "aborted";

const readReflection = (answer: string, view: View): Omit<Reflection, "text"> => {
  const found = findJson(answer);
  const known = new Set(view.entries.map((entry) => entry.id));
  const tags = extractTags(answer, found).filter((tag) => known.has(tag.entry));
  const object = isObject(found?.value) ? found.value : undefined;
  const insight = object?.["key_insight"];
  const parse: ReplyParse =
    object === undefined
      ? tags.length > 0
        ? "repaired"
        : "malformed"
      : found?.whole === true && Array.isArray(object["bullet_tags"])
        ? "ok"
        : "repaired";
  return {
    ...(typeof insight === "string" && insight.trim() !== "" ? { insight: insight.trim() } : {}),
    tags,
    parse,
  };
};

/**
 * The chat format over a model's template. Prompts are single user messages (after the task's own system messages, for
 * student and teacher). Throws a TypeError when the template does not show what an assistant said: nothing could follow
 * an answer then.
 *
 * @example
 * ```ts
 * const format = chatFormat((messages, options) => Result.getOrThrow(tokenizer.renderChat(messages, options)));
 * ```
 */
export const chatFormat = (
  template: ChatTemplate,
  options: ChatFormatOptions = {},
): PromptFormat => {
  const limits = {
    maxCases: options.maxCases ?? 2,
    maxChars: options.maxFeedbackChars ?? 2000,
  };
  const { prompts = chatPrompts, operations = ["Add"] } = options;
  let knowsTools: boolean | undefined;
  const ask = (messages: ReadonlyArray<Message>, tools: ReadonlyArray<ToolSpec> = []): Prompt => {
    const plain = tools.length === 0 && messages.every(({ role }) => role !== "tool");
    if (plain) return template(messages, { reply: true });
    knowsTools ??= offersTools(template);
    return knowsTools
      ? template(messages, { reply: true, tools })
      : template(spelledOut(messages, tools), { reply: true });
  };
  const askOnce = (content: string): Prompt => ask([{ role: "user", content }]);

  // A template that thinks may open `<think>` itself; the reply then begins inside it.
  const opensThinking = spelled(askOnce("Hello.")).trimEnd().endsWith("<think>");
  const split = (reply: string) => splitThinking(reply, opensThinking);

  const continuation = (
    conversation: ReadonlyArray<Message>,
    results: ReadonlyArray<Message>,
    tools?: ReadonlyArray<ToolSpec>,
  ): Prompt => {
    const content = dummyAnswer([...conversation, ...results]);
    const whole = ask([...conversation, { role: "assistant", content }, ...results], tools);
    const rest = after(whole, content);
    if (rest !== undefined) return rest;
    throw new TypeError(
      `Expected a chat template that shows what an assistant said, got a prompt without ${JSON.stringify(content)}; use the template of a model that holds conversations`,
    );
  };
  continuation([{ role: "user", content: "Hello." }], [{ role: "user", content: "Go on." }]);

  const feedback = (results: ReadonlyArray<StepResult>): string => {
    const texts = results.map((result) =>
      isSuccess(result) ? "" : renderFeedback(result, limits),
    );
    if (texts.length < 2) return texts[0] ?? "";
    return texts
      .flatMap((text, i) => (text === "" ? [] : [`Turn ${i + 1}:\n${text}`]))
      .join("\n\n");
  };

  return {
    id: "chat",
    freeText: true,
    wording: prompts,
    tools: true,
    student: ask,
    continuation,
    teacher: (conversation, sections, tools) => {
      const extra = {
        playbook: sections.playbook,
        attempt: splitThinking(sections.attempt ?? "").answer.trim(),
        feedback: (sections.feedback ?? "").trim(),
        reflection: (sections.reflection ?? "").trim(),
        solution: splitThinking(sections.solution ?? "").answer.trim(),
      };
      const bare =
        extra.playbook.length === 0 &&
        [extra.attempt, extra.feedback, extra.reflection, extra.solution].every(
          (text) => text === "",
        );
      const at = conversation.findIndex((message) => message.role === "user");
      const first = conversation[at];
      if (bare || first === undefined) return ask(conversation, tools);
      const content = teacherMessage(prompts, { problem: first.content, ...extra });
      return ask(conversation.with(at, { ...first, content }), tools);
    },
    reflector: (attempt, view) =>
      askOnce(
        reflectorMessage(prompts, {
          problem: attempt.problem,
          attempt: transcript(attempt),
          feedback: feedback(attempt.results),
          view,
        }),
      ),
    success: (attempt, view) =>
      askOnce(
        successMessage(prompts, { problem: attempt.problem, attempt: transcript(attempt), view }),
      ),
    curator: (reflection, view, attempt) =>
      askOnce(
        curatorMessage(prompts, {
          problem: attempt.problem,
          reflection: reflection.text,
          view,
          operations,
        }),
      ),
    feedback,
    parseAction: (reply, stop, tools = []) => {
      const { answer, reasoning } = split(reply);
      const said = answer.trim();
      const { content, toolCalls } =
        tools.length === 0 ? { content: said, toolCalls: [] } : readToolCalls(said);
      return {
        content,
        ...(reasoning === undefined ? {} : { reasoning }),
        ...(toolCalls.length === 0 ? {} : { toolCalls }),
        stop,
      };
    },
    parseReflection: (reply, view, stop) => {
      const { answer, unfinished } = split(reply);
      const text = answer.trim();
      const read = readReflection(text, view);
      if (unfinished || isCut(stop)) return { text, ...read, parse: "truncated" };
      return { text, ...read, ...(text === "" ? { parse: "empty" } : {}) };
    },
    parseOperations: (reply, stop) => {
      const { answer, unfinished } = split(reply);
      const text = answer.trim();
      const cut = unfinished || isCut(stop);
      if (text === "") return { operations: [], parse: cut ? "truncated" : "empty" };
      const found = findJson(text);
      const read = readOperations(found?.value);
      if (Result.isFailure(read)) return { operations: [], parse: cut ? "truncated" : "malformed" };
      // What was cut off after a complete object was not asked for.
      return { operations: read.success, parse: found?.whole && !cut ? "ok" : "repaired" };
    },
  };
};
