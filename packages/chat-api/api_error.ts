/** Why an endpoint gave no answer. */
import { Schema } from "effect";

/** An endpoint that gave no answer. No message contains the key, whatever the endpoint has echoed. */
export class ChatApiError extends Schema.TaggedError<ChatApiError>()("ChatApiError", {
  message: Schema.String,
  /**
   * - `refused`: the request or the key is not accepted, and will not be by asking again.
   * - `unavailable`: out of reach, overloaded, too slow or beside itself, after all retries.
   * - `budget`: asking could cost more than the options allow.
   */
  reason: Schema.Literals(["refused", "unavailable", "budget"]),
}) {}
