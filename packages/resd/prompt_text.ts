/** Prompts as text, for rollout files; models read ids. */
import type { Prompt, PromptFormat } from "@resd/core";

/** Segments one after another; formats without free text are words, so theirs stand apart by a space. */
export const promptText = (prompt: Prompt, format: Pick<PromptFormat, "freeText">): string =>
  prompt
    .map((segment) => ("text" in segment ? segment.text : segment.control))
    .join(format.freeText ? "" : " ");
