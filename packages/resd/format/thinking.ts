/** Replies of models that think before they answer. */

const OPEN = "<think>";
const CLOSE = "</think>";

/** A reply taken apart. */
export interface Thinking {
  /** What is left once the thinking is gone. */
  readonly answer: string;
  /** The thinking, trimmed; absent where there was none. */
  readonly reasoning?: string;
  /** The reply ended inside its thinking, so what would have followed is missing. */
  readonly unfinished: boolean;
}

/**
 * Takes the thinking out of a reply: every `<think>…</think>` with the white space after it, then everything up to the
 * first `</think>` that is left, since a reply may begin inside thinking that its prompt opened.
 *
 * Thinking that never closes is dropped and reported as `unfinished`: the released code leaves thousands of its tokens
 * in the prompts that follow (trap T19). `opened` says that the prompt itself ended in `<think>`.
 *
 * Linear in the length of the reply, whatever it contains.
 */
export const splitThinking = (reply: string, opened = false): Thinking => {
  const text = opened && !reply.trimStart().startsWith(OPEN) ? OPEN + reply : reply;
  const thoughts: Array<string> = [];
  let rest = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    const close = open === -1 ? -1 : text.indexOf(CLOSE, open);
    if (close === -1) break;
    rest += text.slice(at, open);
    thoughts.push(text.slice(open + OPEN.length, close));
    at = close + CLOSE.length;
    while (at < text.length && /\s/.test(text[at] as string)) at++;
  }
  rest += text.slice(at);

  const stray = rest.indexOf(CLOSE);
  if (stray !== -1) {
    thoughts.push(rest.slice(0, stray));
    rest = rest.slice(stray + CLOSE.length).trimStart();
  }
  const unclosed = rest.indexOf(OPEN);
  if (unclosed !== -1) {
    thoughts.push(rest.slice(unclosed + OPEN.length));
    rest = rest.slice(0, unclosed);
  }
  const reasoning = thoughts
    .map((thought) => thought.trim())
    .filter((thought) => thought !== "")
    .join("\n\n");
  return {
    answer: rest,
    ...(reasoning === "" ? {} : { reasoning }),
    unfinished: unclosed !== -1,
  };
};
