/**
 * The wording of prompts as a file that people read and replace: named sections of named prompts, in the order in which
 * models read them.
 *
 * A section begins with a mark on a line of its own, `<!-- reflector: steps -->`, and ends at the next mark. Sections are
 * joined by blank lines. In them:
 *
 * - `{{task}}` stands for a value; `{{feedback|(none was given)}}` says what stands there when it is empty.
 * - a line that begins with `{{?playbook}}` is there only if that value is not empty.
 * - a section with an empty value and no words in its place is left out.
 *
 * The first mark names the file: `<!-- prompts: chat/1 -->`. What stands before it is for readers only.
 */
import { hashName } from "@resd/core";
import { Result, Schema } from "effect";

/** A file that is no wording; says the line and what to write. */
export class PromptFileError extends Schema.TaggedError<PromptFileError>()("PromptFileError", {
  message: Schema.String,
  /** Line of the file, from 1. */
  line: Schema.Int,
}) {}

/** The prompts, with the values that each may use. */
export const PROMPT_VALUES = {
  /** For a failed attempt. */
  reflector: ["task", "attempt", "feedback", "playbook"],
  /** For a successful attempt: credit alone. */
  success: ["task", "attempt", "playbook"],
  /** For the keeper of the playbook; `operations` are the forms of those that the run lets through. */
  curator: [
    "task",
    "reflection",
    "playbook",
    "statistics",
    "sections",
    "operations",
    "update",
    "merge",
    "delete",
  ],
  /** For the teacher: the task with everything that is known about it. */
  teacher: ["task", "playbook", "attempt", "feedback", "reflection", "solution"],
} as const;

/** The name of a prompt. */
export type PromptName = keyof typeof PROMPT_VALUES;

/** Values by name; absent ones are empty. */
export type PromptValues = Readonly<Record<string, string>>;

/** A named piece of a prompt. */
export interface PromptSection {
  readonly name: string;
  readonly text: string;
}

/** A wording, read. */
export interface PromptFile {
  /** The file's own name and version, such as `chat/1`. */
  readonly id: string;
  /** Names the text: equal texts, equal hashes. */
  readonly hash: string;
  /** The file as it was written. */
  readonly text: string;
  readonly prompts: Readonly<Record<PromptName, ReadonlyArray<PromptSection>>>;
}

const MARK = /^<!--\s*([a-z]+)\s*(?::\s*(.*?))?\s*-->$/;
const VALUE = /\{\{(\??)([a-z_]+)(?:\|([^{}]*))?\}\}/g;
const LINE_IF = /^\{\{\?([a-z_]+)\}\}/;
const NAMES = Object.keys(PROMPT_VALUES) as ReadonlyArray<PromptName>;
const isPromptName = (name: string): name is PromptName =>
  (NAMES as ReadonlyArray<string>).includes(name);

const fail = (line: number, message: string) =>
  Result.fail(new PromptFileError({ line, message: `${message}, at line ${line}` }));

/** What is wrong with the values that a line asks for. */
const faultOf = (prompt: PromptName, line: string): string | undefined => {
  const known: ReadonlyArray<string> = PROMPT_VALUES[prompt];
  for (const [whole, condition, name] of line.matchAll(VALUE)) {
    if (name === undefined || !known.includes(name)) {
      return `Expected one of ${known.join(", ")} in the prompt ${prompt}, got ${whole}`;
    }
    if (condition === "?" && !line.startsWith(whole)) {
      return `Expected ${whole} at the beginning of its line, got it inside`;
    }
  }
  const rest = line.replaceAll(VALUE, "");
  return rest.includes("{{")
    ? `Expected {{value}}, {{value|words}} or {{?value}}, got ${rest.slice(rest.indexOf("{{"))}`
    : undefined;
};

/** Reads a wording. Every prompt has to be there, and every prompt has to show the task. */
export const parsePromptFile = (text: string): Result.Result<PromptFile, PromptFileError> => {
  let id: string | undefined;
  const prompts = new Map<PromptName, Array<{ name: string; lines: Array<string> }>>();
  let open: { readonly prompt: PromptName; readonly lines: Array<string> } | undefined;
  const lines = text.split(/\r\n|\n/);
  for (const [i, line] of lines.entries()) {
    const [, mark, name = ""] = MARK.exec(line.trim()) ?? [];
    if (mark === undefined) {
      const fault = open === undefined ? undefined : faultOf(open.prompt, line);
      if (fault !== undefined) return fail(i + 1, fault);
      open?.lines.push(line);
    } else if (mark === "prompts") {
      if (id !== undefined)
        return fail(i + 1, `Expected one name of the file, got another, ${name}`);
      if (name === "")
        return fail(i + 1, "Expected a name such as <!-- prompts: mine/1 -->, got none");
      id = name;
    } else {
      if (id === undefined) {
        return fail(i + 1, "Expected the name of the file first, such as <!-- prompts: mine/1 -->");
      }
      if (!isPromptName(mark)) {
        return fail(i + 1, `Expected a section of ${NAMES.join(", ")}, got ${mark}`);
      }
      const sections = prompts.get(mark) ?? [];
      open = { prompt: mark, lines: [] };
      sections.push({ name, lines: open.lines });
      prompts.set(mark, sections);
    }
  }
  if (id === undefined)
    return fail(1, "Expected <!-- prompts: mine/1 -->, got a file without a name");
  for (const name of NAMES) {
    const sections = prompts.get(name);
    if (sections === undefined) {
      return fail(lines.length, `Expected sections of the prompt ${name}, got none; copy them`);
    }
    if (!sections.some((section) => section.lines.some((line) => /\{\{task[|}]/.test(line)))) {
      return fail(lines.length, `Expected {{task}} in the prompt ${name}, got none`);
    }
  }
  const sectionsOf = (name: PromptName): ReadonlyArray<PromptSection> =>
    (prompts.get(name) ?? []).map((section) => ({
      name: section.name,
      text: section.lines.join("\n").trim(),
    }));
  return Result.succeed({
    id,
    hash: hashName("prompts", text),
    text,
    prompts: {
      reflector: sectionsOf("reflector"),
      success: sectionsOf("success"),
      curator: sectionsOf("curator"),
      teacher: sectionsOf("teacher"),
    },
  });
};

/** Names of the tags that a prompt closes around what it quotes. */
const closingTags = (sections: ReadonlyArray<PromptSection>): RegExp | undefined => {
  const names = new Set(
    sections.flatMap(({ text }) => [...text.matchAll(/<\/([\w-]+)>/g)].map(([, name]) => name)),
  );
  return names.size === 0
    ? undefined
    : new RegExp(String.raw`<\s*/\s*(${[...names].join("|")})\s*>`, "gi");
};

/** One section with its values, or undefined when it has nothing to say. */
const renderSection = (
  { text }: PromptSection,
  valueOf: (name: string) => string,
): string | undefined => {
  const lines: Array<string> = [];
  for (const line of text.split("\n")) {
    const [condition, name] = LINE_IF.exec(line) ?? [];
    if (condition !== undefined && valueOf(name ?? "") === "") continue;
    let empty = false;
    const filled = line
      .slice(condition?.length ?? 0)
      .replaceAll(VALUE, (_whole, _condition, value: string, otherwise?: string) => {
        const found = valueOf(value);
        if (found === "" && otherwise === undefined) empty = true;
        return found === "" ? (otherwise ?? "") : found;
      });
    if (empty) return undefined;
    lines.push(filled);
  }
  const rendered = lines.join("\n").trim();
  return rendered === "" ? undefined : rendered;
};

/** A prompt with its values. What a value quotes cannot end a section: closing tags of the prompt lose their brackets. */
export const renderPrompt = (
  { prompts }: PromptFile,
  name: PromptName,
  values: PromptValues,
): string => {
  const tags = closingTags(prompts[name]);
  const known = new Map(
    Object.entries(values).map(([key, value]) => [
      key,
      (tags === undefined ? value : value.replaceAll(tags, "(/$1)")).trim(),
    ]),
  );
  return prompts[name]
    .flatMap((section) => renderSection(section, (key) => known.get(key) ?? "") ?? [])
    .join("\n\n");
};
