/** The one error of this package. */
import { Schema } from "effect";

export class TokenizerError extends Schema.TaggedError<TokenizerError>()("TokenizerError", {
  message: Schema.String,
  reason: Schema.Literals(["files", "unsupported", "unknown-control", "chat-template"]),
}) {}
