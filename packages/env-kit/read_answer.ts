/** Readers of answers: from what a policy wrote to what a grader compares, or to why it cannot be read. */
import { quote } from "@resd/core";
import { Result, Schema } from "effect";

/** An answer that nobody can read; the message goes into the feedback. */
export class Unreadable {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Reads an answer. It gets what was written without thinking and without white space around it, and never an empty text. */
export type Reader<Answer> = (text: string) => Answer | Unreadable;

/** Says why an answer cannot be read. */
export const unreadable = (message: string): Unreadable => new Unreadable(message);

const OPEN = "<think>";
const CLOSE = "</think>";

/**
 * What was written after and between thoughts; nothing of a thought that does not end. Linear in the length of the text:
 * an answer may well be the opening of thoughts and nothing else.
 */
export const withoutThinking = (text: string): string => {
  let spoken = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf(OPEN, at);
    if (open < 0) return (spoken + text.slice(at)).trim();
    spoken += text.slice(at, open);
    const close = text.indexOf(CLOSE, open);
    if (close < 0) return spoken.trim();
    at = close + CLOSE.length;
  }
};

const QUOTED = 60;

/** The answer as it is written. */
export const readText: Reader<string> = (text) => text;

/** A number that is all of the answer, or all of its last line. */
export const readNumber: Reader<number> = (text) => {
  const line = text.slice(text.lastIndexOf("\n") + 1).trim();
  return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(line) && line.length <= QUOTED
    ? Number(line)
    : unreadable(`Expected a number as the last line, got "${quote(line, QUOTED)}".`);
};

/** What the last fenced code block of a language (of any, unless one is named) holds; without fences the whole answer. */
export const readCode =
  (language?: string): Reader<string> =>
  (text) => {
    if (!text.includes("```")) return text;
    const blocks = [...text.matchAll(/```([^\n`]*)\n([^]*?)```/g)].filter(
      ([, named = ""]) => language === undefined || ["", language].includes(named.trim()),
    );
    const code = blocks.at(-1)?.[2]?.trim();
    return code === undefined || code === ""
      ? unreadable(
          `Expected a closed code block${language === undefined ? "" : ` of ${language}`}.`,
        )
      : code;
  };

/** JSON of a schema, alone or in the last fenced code block. */
export const readJson =
  <A>(schema: Schema.Codec<A, unknown>): Reader<A> =>
  (text) => {
    const code = readCode()(text);
    if (code instanceof Unreadable) return code;
    try {
      const decoded = Schema.decodeUnknownResult(schema)(JSON.parse(code));
      return Result.isSuccess(decoded)
        ? decoded.success
        : unreadable(quote(`The answer does not fit: ${decoded.failure.message}`, 4 * QUOTED));
    } catch {
      return unreadable(`Expected JSON, got "${quote(code, QUOTED)}".`);
    }
  };
