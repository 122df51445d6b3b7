/** A model folder's tokenizer, with text and control tokens kept apart. */
import type { Ids, Message, Prompt, Segment } from "@resd/core";
import type { PreTrainedTokenizer } from "@xenova/transformers";
import { Effect, type FileSystem, type PlatformError, Result } from "effect";
import { type ChatOptions, renderChatPrompt } from "./chat_template.ts";
import {
  type ControlToken,
  controlTokens,
  namedToken,
  textJson,
  unknownToken,
} from "./control_tokens.ts";
import { TokenizerError } from "./tokenizer_error.ts";
import { formatToday } from "./today.ts";
import { readTokenizerFiles, type TokenizerFiles } from "./tokenizer_files.ts";

/** A loaded tokenizer. All of it is pure, and text that looks like a control token stays text. */
export interface Tokenizer {
  /** One more than the largest id. */
  readonly vocabSize: number;
  /** Contents of all control tokens, by id. */
  readonly controls: ReadonlyMap<number, string>;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly padId: number | undefined;
  /** What unknown text becomes; undefined where every text has tokens. */
  readonly unknownId: number | undefined;
  readonly hasChatTemplate: boolean;
  /** Ids of a text, never one of a control token, and none added at either end. */
  readonly encodeText: (text: string) => Ids;
  /** Id of a control token; an unknown one is an error that names the nearest. */
  readonly control: (name: string) => Result.Result<number, TokenizerError>;
  /** Ids of a prompt. Neighbouring text segments are one text: words and merges reach across their border. */
  readonly encode: (prompt: Prompt) => Result.Result<Ids, TokenizerError>;
  /**
   * Text of ids, spaces as they are. Special tokens and the unknown token are left out; tokens that merely structure a
   * reply, such as `</think>`, are shown, so that the reply can be read.
   */
  readonly decode: (ids: Ids | ReadonlyArray<number>) => string;
  /** The vocabulary's own spelling of one id, for displays. */
  readonly piece: (id: number) => string | undefined;
  /** A conversation under the folder's chat template; what messages say stays text. */
  readonly renderChat: (
    messages: ReadonlyArray<Message>,
    options: ChatOptions,
  ) => Result.Result<Prompt, TokenizerError>;
}

/** What `strftime_now` is called while rendering: the library has a function of that name, which asks the clock. */
const DATE = "format_today";

/** As ids say it: nothing left out, no blanks tidied. */
const DECODING = { skip_special_tokens: false, clean_up_tokenization_spaces: false };

/** Letters to insert, delete or replace between two words (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
};

const unknownControl = (name: string, names: ReadonlyArray<string>): TokenizerError => {
  const nearest = names.toSorted((a, b) => distance(name, a) - distance(name, b))[0];
  return new TokenizerError({
    reason: "unknown-control",
    message:
      nearest === undefined
        ? `Expected a control token, got ${name}, at a tokenizer that has none; take a format without it (--format chat), or another model`
        : `Expected one of ${names.length} control tokens, got ${name}, at the tokenizer; did you mean ${nearest}?`,
  });
};

/** Adjacent texts joined, and blanks taken off where a neighbouring control token claims them. */
const joinTexts = (
  prompt: Prompt,
  controls: ReadonlyMap<string, ControlToken>,
): ReadonlyArray<Segment> => {
  const joined: Array<Segment> = [];
  for (const segment of prompt) {
    const last = joined.at(-1);
    if ("text" in segment && last !== undefined && "text" in last) {
      joined[joined.length - 1] = { text: last.text + segment.text };
    } else joined.push(segment);
  }
  const strips = (at: number, side: "lstrip" | "rstrip"): boolean => {
    const neighbour = joined[at];
    return (
      neighbour !== undefined &&
      "control" in neighbour &&
      controls.get(neighbour.control)?.[side] === true
    );
  };
  return joined.map((segment, at) => {
    if ("control" in segment) return segment;
    const left = strips(at - 1, "rstrip") ? segment.text.trimStart() : segment.text;
    return { text: strips(at + 1, "lstrip") ? left.trimEnd() : left };
  });
};

/**
 * A tokenizer from decoded files. The tokenizer library is loaded at the first call (0.1 to 0.2 s), so that programs
 * which never tokenize do not wait for it.
 */
export const makeTokenizer = Effect.fnUntraced(function* (
  files: TokenizerFiles,
): Effect.fn.Return<Tokenizer, TokenizerError> {
  const { config, json, rawConfig } = files;
  const controls = yield* Effect.fromResult(controlTokens(files));
  const unknown = yield* Effect.fromResult(unknownToken(files));
  const library = yield* Effect.promise(() => import("@xenova/transformers"));
  const build = (source: object): Effect.Effect<PreTrainedTokenizer, TokenizerError> =>
    Effect.try({
      try: () =>
        new library.PreTrainedTokenizer(source, {
          ...rawConfig,
          chat_template: files.chatTemplate?.replaceAll(/\bstrftime_now\b/gu, DATE),
          unk_token: unknown, // the library takes a word-level model's unknown token from here only
        }),
      catch: (cause) =>
        new TokenizerError({
          reason: "unsupported",
          message: `Expected a tokenizer.json that the library can build, got: ${String(cause)}; fetch the tokenizer again, or save it anew with a newer transformers`,
        }),
    });
  const sources = textJson(files, controls);
  const first = yield* build(sources.first);
  const later = sources.later === sources.first ? first : yield* build(sources.later);

  const names = [...controls.keys()];
  const byId = new Map([...controls.values()].map(({ id, content }) => [id, content]));
  const addedById = new Map(json.added_tokens.map(({ id, content }) => [id, content]));
  const piecesById = new Map(Object.entries(json.model.vocab).map(([token, id]) => [id, token]));
  for (const [id, content] of addedById) piecesById.set(id, content);
  const idOf = (key: "bos_token" | "eos_token" | "pad_token"): number | undefined =>
    controls.get(namedToken(config, key) ?? "")?.id ??
    json.added_tokens.find(({ content }) => content === namedToken(config, key))?.id;
  const unknownId = json.model.vocab[unknown ?? ""];
  const silent = new Set([...controls.values()].flatMap(({ id, shown }) => (shown ? [] : [id])));
  if (unknownId !== undefined) silent.add(unknownId);

  const ids = (tokenizer: PreTrainedTokenizer, text: string): ReadonlyArray<number> =>
    text === "" ? [] : tokenizer.encode(text, { add_special_tokens: false });
  const control = (name: string): Result.Result<number, TokenizerError> => {
    const token = controls.get(name);
    return token === undefined
      ? Result.fail(unknownControl(name, names))
      : Result.succeed(token.id);
  };
  const template = files.chatTemplate;

  return {
    vocabSize: [...piecesById.keys()].reduce((top, id) => Math.max(top, id), -1) + 1,
    controls: byId,
    bosId: idOf("bos_token"),
    eosId: idOf("eos_token"),
    padId: idOf("pad_token"),
    unknownId,
    hasChatTemplate: template !== undefined,
    encodeText: (text) => Int32Array.from(ids(first, text)),
    control,
    encode: (prompt) => {
      const out: Array<number> = [];
      for (const [at, segment] of joinTexts(prompt, controls).entries()) {
        if ("text" in segment) {
          for (const id of ids(at === 0 ? first : later, segment.text)) out.push(id);
          continue;
        }
        const id = control(segment.control);
        if (Result.isFailure(id)) return Result.fail(id.failure);
        out.push(id.success);
      }
      return Result.succeed(Int32Array.from(out));
    },
    decode: (sequence) => {
      let text = "";
      let run: Array<number> = [];
      const endRun = () => {
        if (run.length > 0) text += first.decode(run, DECODING);
        run = [];
      };
      for (const id of sequence) {
        const name = byId.get(id);
        // The library knows no control token, so those that are shown are put in between.
        if (name !== undefined && !silent.has(id)) {
          endRun();
          text += name;
        } else if (!silent.has(id) && piecesById.has(id)) run.push(id);
      }
      endRun();
      return text;
    },
    piece: (id) => piecesById.get(id),
    renderChat: (messages, options) =>
      template === undefined
        ? Result.fail(
            new TokenizerError({
              reason: "chat-template",
              message:
                "Expected a chat template in chat_template.jinja or tokenizer_config.json, got none; use a model that was trained on chats, or the compact format",
            }),
          )
        : Result.try({
            try: () =>
              renderChatPrompt(
                (rendered, variables) =>
                  first.apply_chat_template(
                    rendered as never,
                    { [DATE]: formatToday, ...variables, tokenize: false } as never,
                  ) as unknown as string,
                names,
                messages,
                options,
              ),
            catch: (cause) =>
              new TokenizerError({
                reason: "chat-template",
                message: `Expected a conversation that the chat template takes, got: ${cause instanceof Error ? cause.message : String(cause)}; take a model whose chat template takes such messages`,
              }),
          }),
  };
});

/** The tokenizer of a model folder. */
export const loadTokenizer = Effect.fn("loadTokenizer")(function* (
  folder: string,
): Effect.fn.Return<
  Tokenizer,
  TokenizerError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const tokenizer = yield* makeTokenizer(yield* readTokenizerFiles(folder));
  if (!tokenizer.hasChatTemplate) return tokenizer;
  // A template that is broken is found here, and not in the middle of a run.
  const content = "Hello.";
  const refuse = (message: string) =>
    new TokenizerError({
      reason: "chat-template",
      message: `${message}, at the chat template of ${folder}`,
    });
  const greeting = yield* Effect.mapError(
    Effect.fromResult(tokenizer.renderChat([{ role: "user", content }], { reply: true })),
    ({ message }) => refuse(message),
  );
  if (!greeting.some((segment) => "text" in segment && segment.text.includes(content))) {
    return yield* refuse(
      `Expected a prompt that says ${JSON.stringify(content)}, got one without; take a model whose chat template shows what the user says`,
    );
  }
  return tokenizer;
});
