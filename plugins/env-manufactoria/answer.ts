/** Where the program is in a reply. */

const OPENING = /^```(?:manufactoria)?$/;
const FENCE = /^```\S*$/;

/**
 * The last closed block between ``` (or ```manufactoria) and ```, trimmed; undefined where there is none. Blocks in other
 * languages do not count, and a fence with a language opens a new block even if the one before it was never closed.
 */
export const programBlock = (reply: string): string | undefined => {
  let found: string | undefined;
  let opened: { readonly ours: boolean; readonly lines: Array<string> } | undefined;
  for (const line of reply.split("\n")) {
    const fence = line.trim();
    if (!FENCE.test(fence)) {
      opened?.lines.push(line);
    } else if (opened !== undefined && fence === "```") {
      if (opened.ours) found = opened.lines.join("\n").trim();
      opened = undefined;
    } else {
      opened = { ours: OPENING.test(fence), lines: [] };
    }
  }
  return found;
};
