/** A completion as endpoints write it, read as far as it can be. */
import type { Stop } from "@resd/core";
import { Schema } from "effect";

/** The answer of an endpoint. */
export interface Completion {
  readonly text: string;
  readonly stop: Stop;
  /** As the endpoint counts them; absent where it does not say, or says what cannot be. */
  readonly promptTokens?: number;
  readonly replyTokens?: number;
}

const Body = Schema.fromJsonString(
  Schema.Struct({
    choices: Schema.Array(
      Schema.Struct({
        message: Schema.Struct({ content: Schema.optionalKey(Schema.Unknown) }),
        finish_reason: Schema.optionalKey(Schema.Unknown),
      }),
    ),
    usage: Schema.optionalKey(Schema.Unknown),
  }),
);
const decodeBody = Schema.decodeUnknownOption(Body);

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

/** A text, or the texts of a list of parts; thoughts and refusals are none. */
const textOf = (content: unknown): string | undefined => {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  return content
    .map((part: unknown) => (fieldOf(part, "type") === "text" ? fieldOf(part, "text") : ""))
    .filter((text) => typeof text === "string")
    .join("");
};

const countOf = (usage: unknown, name: string): number | undefined => {
  const count = fieldOf(usage, name);
  return typeof count === "number" && Number.isFinite(count) && count >= 0
    ? Math.ceil(count)
    : undefined;
};

const stopOf = (reason: unknown): Stop =>
  reason === "length" ? "max_tokens" : reason === "content_filter" ? "aborted" : "eos";

/** Reads the body of a response; undefined where there is no completion in it. */
export const readCompletion = (body: string): Completion | undefined => {
  const decoded = decodeBody(body);
  const choice = decoded._tag === "Some" ? decoded.value.choices[0] : undefined;
  if (decoded._tag === "None" || choice === undefined) return undefined;
  const text = textOf(choice.message.content);
  if (text === undefined) return undefined;
  const { usage } = decoded.value;
  const promptTokens = countOf(usage, "prompt_tokens");
  const replyTokens = countOf(usage, "completion_tokens");
  return {
    text,
    stop: stopOf(choice.finish_reason),
    ...(promptTokens === undefined ? {} : { promptTokens }),
    ...(replyTokens === undefined ? {} : { replyTokens }),
  };
};
