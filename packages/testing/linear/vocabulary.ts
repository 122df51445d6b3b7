/** Words separated by spaces; those in angle brackets are control tokens. */
import type { Ids, Prompt } from "@resd/core";

export interface Vocabulary {
  readonly size: number;
  /** Text of a segment can never become a control token: `<end>` as text is an unknown word. */
  readonly encode: (prompt: Prompt) => Ids;
  readonly decode: (ids: Ids) => string;
}

/** Id of the token that ends an answer. */
export const END = 1;

const UNKNOWN = 0;

const isControl = (word: string): boolean => word.startsWith("<") && word.endsWith(">");

export const makeVocabulary = (given: ReadonlyArray<string>): Vocabulary => {
  const words = [...new Set(["<unk>", "<end>", ...given])];
  const idOf = (word: string, control: boolean): number => {
    const id = words.indexOf(word);
    return id >= 0 && isControl(word) === control ? id : UNKNOWN;
  };
  const idsOfText = (text: string): ReadonlyArray<number> =>
    text
      .split(/\s+/)
      .filter((word) => word !== "")
      .map((word) => idOf(word, false));
  return {
    size: words.length,
    encode: (prompt) =>
      Int32Array.from(
        prompt.flatMap((segment) =>
          "control" in segment ? [idOf(segment.control, true)] : idsOfText(segment.text),
        ),
      ),
    decode: (ids) =>
      Array.from(ids, (id) => words[id] ?? "")
        .filter((word) => !isControl(word))
        .join(" "),
  };
};
