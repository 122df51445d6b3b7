/** Examples in documentation pages, as files that the type checker and the tests read. */

export interface Example {
  /** Line of the page where the code begins, from 1. */
  readonly line: number;
  readonly code: string;
}

/**
 * The blocks of a Markdown page that open with ```` ```ts runnable ````.
 *
 * The code of each is preceded by as many empty lines as the page has before it, so that a compiler or a stack trace speaks in
 * the page's own line numbers.
 */
export const extractExamples = (page: string): ReadonlyArray<Example> => {
  const found: Array<Example> = [];
  const lines = page.split("\n");
  for (let at = 0; at < lines.length; at++) {
    if (lines[at]?.trim() !== "```ts runnable") continue;
    const end = lines.findIndex((text, index) => index > at && text.trim() === "```");
    if (end < 0)
      throw new Error(`Expected a closing \`\`\` for the block that opens at line ${at + 1}`);
    const code = lines.slice(at + 1, end).join("\n");
    found.push({ line: at + 2, code: `${"\n".repeat(at + 1)}${code}\n` });
    at = end;
  }
  return found;
};
