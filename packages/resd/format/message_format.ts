/** The chat format for models that somebody else renders: a prompt is the text of one message, without a template. */
import type { Prompt, PromptFormat } from "@resd/core";
import { Result } from "effect";
import { type ChatFormatOptions, type ChatTemplate, chatFormat } from "./chat.ts";
import { parsePromptFile } from "./prompt_file.ts";

/** Endpoints and chat models have templates of their own. */
const plain: ChatTemplate = (messages) => messages.map(({ content }) => ({ text: `${content}\n` }));

/** The text of a prompt of {@linkcode messageFormat}. */
export const messageText = (prompt: Prompt): string =>
  prompt
    .map((segment) => ("text" in segment ? segment.text : ""))
    .join("")
    .trim();

/** The chat format in the wording of a run, for models that are asked by messages. */
export const messageFormat = (
  { wording }: Pick<PromptFormat, "wording">,
  options: Pick<ChatFormatOptions, "operations"> = {},
): PromptFormat => {
  const prompts =
    wording === undefined ? undefined : Result.getOrUndefined(parsePromptFile(wording.text));
  return chatFormat(plain, { ...options, ...(prompts === undefined ? {} : { prompts }) });
};
