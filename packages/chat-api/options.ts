/** What those who ask an endpoint may choose. */
import { Effect, Schema } from "effect";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const NotNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0));
const usual = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)));

/** A key in a URL would be written into the run's configuration. */
const isBareUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === "";
};

/** The options of plugins that ask an endpoint. None of them holds a key. */
export const ChatApiOptions = Schema.Struct({
  /** Address of the API up to its version, such as `http://127.0.0.1:8080/v1`. */
  url: Schema.String.check(
    Schema.makeFilter(
      (text) => isBareUrl(text) || "an http address without user, password or query",
    ),
  ),
  /** As the endpoint calls it. */
  model: Schema.NonEmptyString,
  /** The configuration value (an environment variable) that holds the key. Where it is not set, none is sent. */
  keyVariable: usual(
    Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/)),
    "OPENAI_API_KEY",
  ),
  temperature: usual(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })), 0.5),
  topP: usual(Schema.Finite.check(Schema.isBetween({ minimum: 1e-6, maximum: 1 })), 1),
  /** Longest reply, in tokens. */
  maxTokens: usual(Positive, 4096),
  /** What the endpoint calls that limit. */
  lengthField: usual(Schema.Literals(["max_tokens", "max_completion_tokens"]), "max_tokens"),
  /** Tokens of prompt and reply together; prompts are estimated, at three bytes a token, and shortened to fit. */
  contextTokens: usual(Positive, 32_768),
  /**
   * How the endpoint is told to answer in JSON. `auto` begins with a schema and takes back what the endpoint does not
   * know: the schema first, then JSON as such.
   */
  responseFormat: usual(Schema.Literals(["auto", "json_schema", "json_object", "none"]), "auto"),
  /** Whether the seed of each draw is sent along. */
  sendSeed: usual(Schema.Boolean, true),
  /** Deadline of one request, in milliseconds. */
  timeoutMillis: usual(Positive, 120_000),
  /** How often a request is repeated that failed for a reason that may pass. */
  retries: usual(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })), 4),
  /** Before the first retry, in milliseconds; doubled each time, and jittered by half of it. */
  retryDelayMillis: usual(Positive, 1000),
  /** Longest wait before a retry, also where the endpoint asks for more: then the request has failed. */
  maxRetryDelayMillis: usual(Positive, 60_000),
  /** Requests that are under way at once. */
  concurrency: usual(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 256 })), 4),
  /** Tokens of all prompts and replies. */
  budgetTokens: Schema.optionalKey(Positive),
  /** Money for all prompts and replies, in the currency of the prices. */
  budgetCost: Schema.optionalKey(NotNegative),
  /** Price of a million tokens. */
  promptPrice: usual(NotNegative, 0),
  replyPrice: usual(NotNegative, 0),
  /** What happens when the budget is spent, or the endpoint is gone: the run stops, or goes on without answers. */
  otherwise: usual(Schema.Literals(["stop", "skip"]), "stop"),
});
export type ChatApiOptions = typeof ChatApiOptions.Type;

/** What contradicts itself in options that are each valid, or undefined. */
export const contradictionOf = (options: ChatApiOptions): string | undefined => {
  if (options.maxTokens >= options.contextTokens) {
    return `Expected maxTokens below contextTokens ${options.contextTokens}, got ${options.maxTokens}; lower maxTokens`;
  }
  if (options.budgetCost !== undefined && options.promptPrice + options.replyPrice === 0) {
    return "Expected prices for a budget of money, got none; set promptPrice and replyPrice, per million tokens";
  }
  return undefined;
};
