/** The one error of this package. */
import { Schema } from "effect";

/** A tokenizer that cannot be loaded, or a prompt that it cannot write. */
export class TokenizerError extends Schema.TaggedError<TokenizerError>()("TokenizerError", {
  message: Schema.String,
  reason: Schema.Literals(["files", "unsupported", "unknown-control", "chat-template"]),
}) {}
