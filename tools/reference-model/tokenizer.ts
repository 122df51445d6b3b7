/** The reference model's tokenizer: one token a word, as files that the Hugging Face libraries read. */
import { MNEMONICS, OPERATIONS, lineLabel } from "@resd/env-kestrel/language";
import { Effect, FileSystem } from "effect";

/** Tokens that structure a prompt. No text may turn into one of them: they are put there by the prompt format alone. */
export const CONTROL_TOKENS = [
  "<pad>",
  "<unk>",
  "<task>",
  "<pb>",
  "<try>",
  "<fb>",
  "<ref>",
  "<sol>",
  "<prog>",
  "<cur>",
  "<end>",
] as const;
export type ControlToken = (typeof CONTROL_TOKENS)[number];

/** All words the model knows. A word's place is its token id, so the order is part of every checkpoint. */
export const VOCABULARY: ReadonlyArray<string> = [
  ...CONTROL_TOKENS,
  ...[0, 1, 2, 3].map(lineLabel),
  ..."0123456789",
  ...OPERATIONS,
  ...MNEMONICS,
  ..."test x want got trace pass error".split(" "), // the bench
  ..."did ok bad unclear insight is none".split(" "), // the reflector
  ..."ADD empty".split(" "), // the curator
];

/** Token ids by word. */
export const WORD_IDS: ReadonlyMap<string, number> = new Map(
  VOCABULARY.map((word, id) => [word, id]),
);

/** The id of a word. Throws a RangeError for a word outside the vocabulary. */
export const wordId = (word: string): number => {
  const id = WORD_IDS.get(word);
  if (id === undefined) {
    throw new RangeError(
      `Expected a word of the reference model's vocabulary, got "${word}"; the list is VOCABULARY`,
    );
  }
  return id;
};

const PAD: ControlToken = "<pad>";
const UNKNOWN: ControlToken = "<unk>";
const END: ControlToken = "<end>";

const addedToken = (content: ControlToken) => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** `tokenizer.json`: a word-level model behind a split at white space, and control tokens as special added tokens. */
export const tokenizerJson = () => ({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: CONTROL_TOKENS.map((token) => ({ id: wordId(token), ...addedToken(token) })),
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: null,
  decoder: null,
  model: { type: "WordLevel", vocab: Object.fromEntries(WORD_IDS), unk_token: UNKNOWN },
});

const specialTokens = {
  pad_token: PAD,
  unk_token: UNKNOWN,
  eos_token: END,
  additional_special_tokens: CONTROL_TOKENS.filter(
    (token) => token !== PAD && token !== UNKNOWN && token !== END,
  ),
};

/**
 * `tokenizer_config.json`.
 *
 * @param maxTokens - The longest sequence that the model was trained for.
 */
export const tokenizerConfigJson = (maxTokens: number) => ({
  tokenizer_class: "PreTrainedTokenizerFast",
  model_max_length: maxTokens,
  clean_up_tokenization_spaces: false,
  ...specialTokens,
  added_tokens_decoder: Object.fromEntries(
    CONTROL_TOKENS.map((token) => [String(wordId(token)), addedToken(token)]),
  ),
});

/** Writes the three tokenizer files of a Hugging Face model folder, which must exist. */
export const writeTokenizer = Effect.fn("writeTokenizer")(function* (
  folder: string,
  maxTokens: number,
) {
  const files = yield* FileSystem.FileSystem;
  const contents = {
    "tokenizer.json": tokenizerJson(),
    "tokenizer_config.json": tokenizerConfigJson(maxTokens),
    "special_tokens_map.json": specialTokens,
  };
  for (const [name, content] of Object.entries(contents)) {
    yield* files.writeFileString(`${folder}/${name}`, `${JSON.stringify(content, null, 2)}\n`);
  }
});
