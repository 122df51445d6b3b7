/** `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` of a model folder, as Hugging Face writes them. */
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { TokenizerError } from "./tokenizer_error.ts";

const AddedToken = Schema.Struct({
  id: Schema.Int,
  content: Schema.String,
  special: Schema.Boolean,
  lstrip: Schema.optionalKey(Schema.Boolean),
  rstrip: Schema.optionalKey(Schema.Boolean),
});

/** A token that tokenizer.json lists beside the vocabulary. */
export type AddedToken = typeof AddedToken.Type;

const Merge = Schema.Union([Schema.String, Schema.Tuple([Schema.String, Schema.String])]);

/** The part of tokenizer.json that is read here; the rest goes to the library untouched. */
const TokenizerJson = Schema.Struct({
  added_tokens: Schema.Array(AddedToken),
  model: Schema.Struct({
    type: Schema.Literals(["BPE", "WordLevel", "WordPiece"]),
    vocab: Schema.Record(Schema.String, Schema.Int),
    merges: Schema.optionalKey(Schema.Array(Merge)),
    unk_token: Schema.optionalKey(Schema.NullOr(Schema.String)),
    byte_fallback: Schema.optionalKey(Schema.Boolean),
  }),
});

/** A token in tokenizer_config.json: its text, or an object that holds it. */
const TokenName = Schema.NullOr(
  Schema.Union([Schema.String, Schema.Struct({ content: Schema.String })]),
);
const TokenizerConfigJson = Schema.Struct({
  bos_token: Schema.optionalKey(TokenName),
  eos_token: Schema.optionalKey(TokenName),
  pad_token: Schema.optionalKey(TokenName),
  unk_token: Schema.optionalKey(TokenName),
  sep_token: Schema.optionalKey(TokenName),
  cls_token: Schema.optionalKey(TokenName),
  mask_token: Schema.optionalKey(TokenName),
  additional_special_tokens: Schema.optionalKey(Schema.NullOr(Schema.Array(TokenName))),
  extra_special_tokens: Schema.optionalKey(Schema.Unknown),
  chat_template: Schema.optionalKey(
    Schema.NullOr(
      Schema.Union([
        Schema.String,
        Schema.Array(Schema.Struct({ name: Schema.String, template: Schema.String })),
      ]),
    ),
  ),
});

/** What is read of tokenizer.json. */
export type TokenizerJson = typeof TokenizerJson.Type;

/** What is read of tokenizer_config.json. */
export type TokenizerConfigJson = typeof TokenizerConfigJson.Type;

/** A JSON object whose shape only the tokenizer library knows in full. */
export type RawJson = Readonly<Record<string, unknown>>;

/** Decoded and raw contents of the files. */
export interface TokenizerFiles {
  readonly json: TokenizerJson;
  readonly rawJson: RawJson;
  readonly config: TokenizerConfigJson;
  readonly rawConfig: RawJson;
  /** The template that `chat_template.jinja` or tokenizer_config.json gives. */
  readonly chatTemplate: string | undefined;
}

const RawJson = Schema.Record(Schema.String, Schema.Unknown);

const chatTemplateOf = (config: TokenizerConfigJson): string | undefined => {
  const template = config.chat_template;
  return Array.isArray(template)
    ? template.find(({ name }) => name === "default")?.template
    : ((template as string | null | undefined) ?? undefined);
};

/**
 * Decodes the contents of both files.
 *
 * @param where names the source in errors
 * @param template contents of chat_template.jinja, which wins over the one in tokenizer_config.json
 */
export const decodeTokenizerFiles = Effect.fnUntraced(function* (
  json: unknown,
  config: unknown,
  where: string,
  template?: string,
): Effect.fn.Return<TokenizerFiles, TokenizerError> {
  const refuse = (file: string) => (error: Schema.SchemaError) =>
    new TokenizerError({
      reason: "files",
      message: `Expected a Hugging Face ${file}, got what does not decode: ${error.message}, at ${where}; fetch the model again`,
    });
  const kind = (json as { readonly model?: { readonly type?: unknown } } | null)?.model?.type;
  if (kind === "Unigram") {
    return yield* new TokenizerError({
      reason: "unsupported",
      message: `Expected model type BPE, WordLevel or WordPiece, got Unigram, at tokenizer.json of ${where}; convert the tokenizer`,
    });
  }
  const decodeJson = Schema.decodeUnknownEffect(TokenizerJson, { errors: "all" });
  const decodeConfig = Schema.decodeUnknownEffect(TokenizerConfigJson, { errors: "all" });
  const decodedConfig = yield* Effect.mapError(
    decodeConfig(config),
    refuse("tokenizer_config.json"),
  );
  return {
    json: yield* Effect.mapError(decodeJson(json), refuse("tokenizer.json")),
    rawJson: json as RawJson,
    config: decodedConfig,
    rawConfig: config as RawJson,
    chatTemplate: template ?? chatTemplateOf(decodedConfig),
  };
});

/** The text of a file; anything but a file is an error that names it. */
const readText = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<string, TokenizerError | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const { type } = yield* fs.stat(path);
  if (type !== "File") {
    return yield* new TokenizerError({
      reason: "files",
      message: `Expected a file, got a ${type}, at ${path}; put the file there, or fetch the model again`,
    });
  }
  return yield* fs.readFileString(path);
});

const readJson = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<RawJson, TokenizerError | PlatformError.PlatformError, FileSystem.FileSystem> {
  const text = yield* readText(path);
  return yield* Schema.decodeEffect(Schema.fromJsonString(RawJson))(text).pipe(
    Effect.mapError(
      (error) =>
        new TokenizerError({
          reason: "files",
          message: `Expected a JSON object, got what does not parse: ${error.message}, at ${path}; fetch the model again`,
        }),
    ),
  );
});

/** Reads the files of a folder. */
export const readTokenizerFiles = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<
  TokenizerFiles,
  TokenizerError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
    if (!(yield* fs.exists(`${folder}/${file}`))) {
      return yield* new TokenizerError({
        reason: "files",
        message: `Expected ${file}, got no such file, at ${folder}; give a model folder with both tokenizer.json and tokenizer_config.json`,
      });
    }
  }
  const jinja = `${folder}/chat_template.jinja`;
  const template = (yield* fs.exists(jinja)) ? yield* readText(jinja) : undefined;
  const json = yield* readJson(`${folder}/tokenizer.json`);
  const config = yield* readJson(`${folder}/tokenizer_config.json`);
  return yield* decodeTokenizerFiles(json, config, folder, template);
});
