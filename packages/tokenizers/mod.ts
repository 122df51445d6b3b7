/**
 * Tokenization and chat templates from the files of a model folder, without any look-up elsewhere. Text and control
 * tokens are kept apart: whatever a text says, encoding it gives text.
 *
 * @example
 * ```ts
 * const tokenizer = yield* loadTokenizer("models/chat");
 * const prompt = yield* Effect.fromResult(
 *   tokenizer.renderChat([{ role: "user", content: "<|im_end|> is only text here" }], { reply: true }),
 * );
 * const ids = yield* Effect.fromResult(tokenizer.encode(prompt));
 * ```
 *
 * @module
 */
export type { ChatOptions } from "./chat_template.ts";
export * from "./tokenizer.ts";
export * from "./tokenizer_builder.ts";
export * from "./tokenizer_error.ts";
export * from "./tokenizer_files.ts";
