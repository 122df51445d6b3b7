/** Which tokens structure a prompt, and a tokenizer.json from which they are gone. */
import { Result } from "effect";
import { byteAlphabet } from "./tokenizer_builder.ts";
import { TokenizerError } from "./tokenizer_error.ts";
import type { RawJson, TokenizerConfigJson, TokenizerFiles } from "./tokenizer_files.ts";

/** A token that only a control segment of a prompt can give. */
export interface ControlToken {
  readonly id: number;
  readonly content: string;
  /** Blanks before or after it belong to it, as its added token says. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Whether decoding shows it: what a model writes with it, such as `</think>`, is read by a parser. */
  readonly shown: boolean;
}

type NamedToken = "bos_token" | "eos_token" | "pad_token" | "unk_token";

const nameOf = (token: string | { readonly content: string } | null | undefined) =>
  typeof token === "string" ? token : token?.content;

/** The text of a token that tokenizer_config.json names. */
export const namedToken = (config: TokenizerConfigJson, key: NamedToken): string | undefined =>
  nameOf(config[key]);

const configured = (config: TokenizerConfigJson): ReadonlyArray<string> => {
  const extra = config.extra_special_tokens;
  const extras =
    typeof extra === "object" && extra !== null
      ? Object.values(extra).filter((token) => typeof token === "string")
      : [];
  return [
    config.bos_token,
    config.eos_token,
    config.pad_token,
    config.sep_token,
    config.cls_token,
    config.mask_token,
    ...(config.additional_special_tokens ?? []),
    ...extras,
  ].flatMap((token) => nameOf(token) ?? []);
};

/**
 * Added tokens that are not special, but that the chat template writes to give a conversation its structure, such as
 * `<think>` and `<tool_call>`. Others, such as runs of line breaks, are words like any other.
 */
const structural = ({ json, chatTemplate = "" }: TokenizerFiles): ReadonlyArray<string> =>
  json.added_tokens
    .filter(({ special, content }) => !special && /^[<[|].*[>\]|]$/su.test(content))
    .map(({ content }) => content)
    .filter((content) => chatTemplate.includes(content));

/** What each byte of a text may become: a letter of the byte-level alphabet, or the token of a fallback. */
const byteTokens = ({ json, rawJson }: TokenizerFiles): ReadonlyArray<string> | undefined => {
  if (JSON.stringify(rawJson["pre_tokenizer"] ?? null).includes('"ByteLevel"')) {
    return byteAlphabet();
  }
  return json.model.byte_fallback === true
    ? Array.from(
        { length: 256 },
        (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
      )
    : undefined;
};

/**
 * The token that unknown text becomes; undefined where every text has tokens of its own. A model that would drop
 * unknown text, or end the prompt at it, is refused.
 */
export const unknownToken = (
  files: TokenizerFiles,
): Result.Result<string | undefined, TokenizerError> => {
  const { json, config } = files;
  // Some lack tokens for bytes that hardly occur; those vanish, as they do in Hugging Face's tokenizers.
  if (byteTokens(files)?.some((token) => Object.hasOwn(json.model.vocab, token)) === true) {
    return Result.succeed(undefined);
  }
  const name = json.model.unk_token ?? namedToken(config, "unk_token");
  const ends = [namedToken(config, "bos_token"), namedToken(config, "eos_token")];
  if (name === undefined || !Object.hasOwn(json.model.vocab, name) || ends.includes(name)) {
    return Result.fail(
      new TokenizerError({
        reason: "unsupported",
        message: `Expected an unknown token that is in the vocabulary and neither starts nor ends sequences, got ${name ?? "none"}, at tokenizer.json; add one`,
      }),
    );
  }
  return Result.succeed(name);
};

/**
 * Control tokens by content: special added tokens, the tokens that tokenizer_config.json gives a role, and those that
 * the chat template structures a conversation with. The unknown token is not among them, since it is what unknown text
 * becomes.
 */
export const controlTokens = (
  files: TokenizerFiles,
): Result.Result<ReadonlyMap<string, ControlToken>, TokenizerError> => {
  const { json, config } = files;
  const unknown = unknownToken(files);
  if (Result.isFailure(unknown)) return Result.fail(unknown.failure);
  const found = new Map<string, ControlToken>();
  const added = new Map(json.added_tokens.map((token) => [token.content, token]));
  const silent = new Set([
    ...json.added_tokens.filter(({ special }) => special).map(({ content }) => content),
    ...configured(config),
  ]);
  const names = new Set([...silent, ...structural(files)]);
  if (unknown.success !== undefined) names.delete(unknown.success);
  for (const content of names) {
    const token = added.get(content);
    const id =
      token?.id ??
      (Object.hasOwn(json.model.vocab, content) ? json.model.vocab[content] : undefined);
    // A role that no token plays (a pad token that was never added) is no token of this vocabulary.
    if (id === undefined || content === "") continue;
    if (content.length < 2) {
      return Result.fail(
        new TokenizerError({
          reason: "unsupported",
          message: `Expected control tokens of two characters or more, got ${JSON.stringify(content)}, at tokenizer.json; a single character cannot be told from text`,
        }),
      );
    }
    found.set(content, {
      id,
      content,
      lstrip: token?.lstrip ?? false,
      rstrip: token?.rstrip ?? false,
      shown: !silent.has(content),
    });
  }
  return Result.succeed(found);
};

/** A copy of a value in which every Metaspace that marks only the first piece of a text marks none. */
const withoutFirstMark = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutFirstMark);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withoutFirstMark(inner)]),
  );
  return copy["type"] === "Metaspace" && copy["prepend_scheme"] === "first"
    ? { ...copy, prepend_scheme: "never" }
    : copy;
};

/** tokenizer.json as text sees it. */
export interface TextJson {
  /** For text at the start of a prompt. */
  readonly first: RawJson;
  /** For text after a control token; the same object where that makes no difference. */
  readonly later: RawJson;
}

/**
 * A copy of tokenizer.json that cannot name a control token: none is an added token, none is in the vocabulary, and no
 * merge makes one. Added tokens that are not special stay, as Hugging Face matches them in text too.
 */
export const textJson = (
  { json, rawJson }: TokenizerFiles,
  controls: ReadonlyMap<string, ControlToken>,
): TextJson => {
  const { vocab, merges } = json.model;
  const makesControl = (merge: string | readonly [string, string]): boolean =>
    controls.has(typeof merge === "string" ? merge.split(" ", 2).join("") : merge.join(""));
  const first: RawJson = {
    ...rawJson,
    added_tokens: (rawJson["added_tokens"] as ReadonlyArray<{ readonly content: string }>).filter(
      ({ content }) => !controls.has(content),
    ),
    model: {
      ...(rawJson["model"] as RawJson),
      vocab: Object.fromEntries(Object.entries(vocab).filter(([token]) => !controls.has(token))),
      ...(merges === undefined ? {} : { merges: merges.filter((merge) => !makesControl(merge)) }),
    },
  };
  const pieces = rawJson["pre_tokenizer"];
  const later = withoutFirstMark(pieces);
  const differs = JSON.stringify(later) !== JSON.stringify(pieces);
  return { first, later: differs ? { ...first, pre_tokenizer: later } : first };
};
