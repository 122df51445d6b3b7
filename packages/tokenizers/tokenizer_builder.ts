/** Builders of new tokenizers in Hugging Face's format, for models that we train ourselves. */
import { Effect, FileSystem, type PlatformError } from "effect";
import type { RawJson } from "./tokenizer_files.ts";

/** The two files of a tokenizer. */
export interface TokenizerSource {
  readonly tokenizer: RawJson;
  readonly config: RawJson;
}

/** Which control token plays which role; each must be among `controls`. */
export interface TokenRoles {
  readonly bos?: string;
  readonly eos: string;
  readonly pad: string;
}

const addedToken = (content: string, id: number): RawJson => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const configOf = (roles: TokenRoles, more: RawJson): RawJson => ({
  tokenizer_class: "PreTrainedTokenizerFast",
  ...(roles.bos === undefined ? {} : { bos_token: roles.bos }),
  eos_token: roles.eos,
  pad_token: roles.pad,
  clean_up_tokenization_spaces: false,
  ...more,
});

const shell = (added: ReadonlyArray<RawJson>): RawJson => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: added,
  normalizer: null,
});

/**
 * A tokenizer whose tokens are whole words between blanks. Control tokens get the first ids, then the words in order.
 *
 * @param source.unknown the control token that unknown words become
 */
export const wordLevelTokenizer = (source: {
  readonly words: ReadonlyArray<string>;
  readonly controls: ReadonlyArray<string>;
  readonly unknown: string;
  readonly roles: TokenRoles;
}): TokenizerSource => {
  const tokens = [...new Set([...source.controls, ...source.words])];
  return {
    tokenizer: {
      ...shell(source.controls.map(addedToken)),
      pre_tokenizer: { type: "WhitespaceSplit" },
      post_processor: null,
      decoder: null,
      model: {
        type: "WordLevel",
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        unk_token: source.unknown,
      },
    },
    config: configOf(source.roles, { unk_token: source.unknown }),
  };
};

/**
 * The printable character that stands for each byte in byte-level vocabularies: printable Latin-1 bytes stand for
 * themselves, the other 68 for U+0100 and what follows, in byte order (GPT-2's table).
 */
export const byteAlphabet = (): ReadonlyArray<string> => {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
};

/** Merges that build each word from the left: "the" gives t+h and th+e. */
const leftMerges = (words: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> => {
  const alphabet = byteAlphabet();
  const merges = new Map<string, readonly [string, string]>();
  for (const word of words) {
    const letters = [...new TextEncoder().encode(word)].map((byte) => alphabet[byte]!);
    let built = letters[0] ?? "";
    for (const letter of letters.slice(1)) {
      if (!merges.has(built + letter)) merges.set(built + letter, [built, letter]);
      built += letter;
    }
  }
  return [...merges.values()];
};

/**
 * A byte-level BPE tokenizer: every text has tokens, and decoding gives it back. Ids: the 256 bytes, the merged pieces
 * of `words` (a leading space is part of a word), then the control tokens.
 */
export const byteLevelTokenizer = (source: {
  readonly words: ReadonlyArray<string>;
  readonly controls: ReadonlyArray<string>;
  readonly roles: TokenRoles;
  readonly chatTemplate?: string;
}): TokenizerSource => {
  const merges = leftMerges(source.words);
  const pieces = [...byteAlphabet(), ...merges.map(([a, b]) => a + b)];
  return {
    tokenizer: {
      ...shell(source.controls.map((token, i) => addedToken(token, pieces.length + i))),
      pre_tokenizer: {
        type: "ByteLevel",
        add_prefix_space: false,
        trim_offsets: true,
        use_regex: true,
      },
      post_processor: null,
      decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: {
        type: "BPE",
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(pieces.map((token, id) => [token, id])),
        merges,
      },
    },
    config: configOf(
      source.roles,
      source.chatTemplate === undefined ? {} : { chat_template: source.chatTemplate },
    ),
  };
};

/** Writes both files into a folder. */
export const writeTokenizer = Effect.fnUntraced(function* (
  folder: string,
  source: TokenizerSource,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(folder, { recursive: true });
  yield* fs.writeFileString(`${folder}/tokenizer.json`, JSON.stringify(source.tokenizer));
  yield* fs.writeFileString(
    `${folder}/tokenizer_config.json`,
    `${JSON.stringify(source.config, null, 2)}\n`,
  );
});
