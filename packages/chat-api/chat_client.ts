/** One question to an endpoint: what is sent, what comes back, and what is done when nothing does. */
import type { Stop } from "@resd/core";
import { Clock, Config, Effect, Layer, Option, Random, Redacted, Result, Stream } from "effect";
import {
  FetchHttpClient,
  HttpClient,
  type HttpClientError,
  HttpClientRequest,
  type HttpClientResponse,
} from "effect/http";
import { ChatApiError } from "./api_error.ts";
import { type Spent, type Usage, makeBudget } from "./budget.ts";
import { readCompletion } from "./completion.ts";
import type { ChatApiOptions } from "./options.ts";
import { redactor } from "./redact.ts";
import type { ReplySchema } from "./reply_schemas.ts";

/** A question: one message, and the form of its answer. */
export interface ChatQuestion {
  readonly text: string;
  readonly schema: ReplySchema;
  /** Non-negative, 31 bits. */
  readonly seed: number;
}

/** An answer, and what it cost. */
export interface ChatAnswer {
  readonly text: string;
  readonly stop: Stop;
  readonly usage: Usage;
}

/** A client of one model. */
export interface ChatClient {
  readonly ask: (question: ChatQuestion) => Effect.Effect<ChatAnswer, ChatApiError>;
  readonly spent: () => Spent;
}

/** Bytes of a token in prompts that nobody has counted; English has about four, code and other scripts fewer. */
const BYTES_PER_TOKEN = 3;
/** Tokens of roles and other things around a message. */
const OVERHEAD = 16;
/** Larger answers are read no further. */
const MOST_BYTES = 8 * 1024 * 1024;

/** How many tokens a text may have at the most, about. */
export const estimateTokens = (text: string): number =>
  Math.ceil(new TextEncoder().encode(text).length / BYTES_PER_TOKEN) + OVERHEAD;

/** What one attempt to ask came to, when not to an answer. */
interface Failure {
  readonly message: string;
  readonly passing: boolean;
  /** Milliseconds that the endpoint asks to wait. */
  readonly wait?: number;
  /** The endpoint does not know what it was asked to do with the form of the answer. */
  readonly unknownFormat?: boolean;
  /** The endpoint may have answered, and charge for it, although nothing of it has arrived. */
  readonly mayCost?: boolean;
}

/** Failures of requests that have reached nobody. */
const UNSENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

const isUnsent = (cause: unknown): boolean =>
  cause instanceof Error &&
  (("code" in cause && UNSENT.has(String(cause.code))) || isUnsent(cause.cause));

/** Statuses of failures that may pass. */
const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504, 529]);

/** Milliseconds that a `Retry-After` header asks for: seconds, or a date. */
export const retryAfterMillis = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
};

type Form = "json_schema" | "json_object" | "none";
const FORMS: ReadonlyArray<Form> = ["json_schema", "json_object", "none"];

const responseFormat = (form: Form, { name, schema }: ReplySchema) => {
  switch (form) {
    case "json_schema":
      return { response_format: { type: form, json_schema: { name, strict: true, schema } } };
    case "json_object":
      return { response_format: { type: form } };
    case "none":
      return {};
  }
};

const readBody = (response: HttpClientResponse.HttpClientResponse) => {
  const decoder = new TextDecoder();
  let bytes = 0;
  return response.stream.pipe(
    Stream.takeWhile((chunk) => (bytes += chunk.length) <= MOST_BYTES),
    Stream.runFold(
      () => "",
      (text, chunk) => text + decoder.decode(chunk, { stream: true }),
    ),
  );
};

/** A client with the services that it needs. The key is read once, here, and never leaves this function but in a header. */
export const makeChatClient = Effect.fn("makeChatClient")(function* (
  options: ChatApiOptions,
): Effect.fn.Return<ChatClient, Config.ConfigError | ChatApiError, HttpClient.HttpClient> {
  const http = yield* HttpClient.HttpClient;
  const key = Option.getOrUndefined(yield* Config.option(Config.Redacted(options.keyVariable)));
  const secret = key === undefined ? "" : Redacted.value(key).trim();
  if (!/^[\x21-\x7e]*$/.test(secret)) {
    return yield* new ChatApiError({
      reason: "refused",
      message: `Expected a key of visible ASCII characters, got one with others, at ${options.keyVariable}; copy it again`,
    });
  }
  const redact = redactor(secret);
  const budget = makeBudget(options);
  const host = new URL(options.url).host;
  let form: Form = options.responseFormat === "auto" ? "json_schema" : options.responseFormat;

  const requestOf = (question: ChatQuestion, as: Form) =>
    HttpClientRequest.post(`${options.url.replace(/\/+$/, "")}/chat/completions`).pipe(
      HttpClientRequest.acceptJson,
      secret === "" ? (request) => request : HttpClientRequest.bearerToken(Redacted.make(secret)),
      HttpClientRequest.bodyJsonUnsafe({
        model: options.model,
        messages: [{ role: "user", content: question.text.toWellFormed() }],
        temperature: options.temperature,
        top_p: options.topP,
        [options.lengthField]: options.maxTokens,
        ...(options.sendSeed ? { seed: question.seed } : {}),
        ...responseFormat(as, question.schema),
      }),
    );

  const quoted = (body: string): string => {
    const line = redact(body).replaceAll(/\s+/g, " ").trim();
    return line.length > 300 ? `${line.slice(0, 300)}…` : line;
  };

  const refusal = (status: number, body: string, as: Form, wait: number | undefined): Failure => {
    const told = `status ${status}${body.trim() === "" ? "" : `: ${quoted(body)}`}`;
    if (PASSING.has(status)) {
      return { message: told, passing: true, ...(wait === undefined ? {} : { wait }) };
    }
    const blamed = /response_format|json_schema|json_object|schema/i.test(body);
    const unknownFormat = (status === 400 || status === 422) && as !== "none" && blamed;
    const advice =
      status === 401 || status === 403
        ? secret === ""
          ? `; set ${options.keyVariable} to a key that it accepts`
          : `; correct the key in ${options.keyVariable}`
        : status === 404
          ? `; correct url or model (${options.model})`
          : "";
    return { message: `${told}${advice}`, passing: false, unknownFormat };
  };

  const transportFailure = (error: HttpClientError.HttpClientError): Failure => ({
    // The message names method, address and cause; the key is in none of them, but an endpoint may echo anything.
    message: quoted(String(error.message)),
    passing: true,
    mayCost: !isUnsent(error),
  });

  /** Asks once. */
  const attempt = (
    question: ChatQuestion,
    as: Form,
  ): Effect.Effect<Result.Result<ChatAnswer, Failure>> =>
    Effect.gen(function* () {
      const response = yield* http.execute(requestOf(question, as));
      const body = yield* readBody(response);
      const { status, headers } = response;
      if (status < 200 || status > 299) {
        const wait = retryAfterMillis(headers["retry-after"], yield* Clock.currentTimeMillis);
        return Result.fail(refusal(status, body, as, wait));
      }
      const completion = readCompletion(body);
      if (completion === undefined) {
        return Result.fail<Failure>({
          message: `no completion: ${quoted(body) || "an empty body"}`,
          passing: true,
          mayCost: true,
        });
      }
      // A key of a few letters is a placeholder, and a word that answers may need.
      const text = secret.length < 8 ? completion.text : redact(completion.text);
      return Result.succeed<ChatAnswer>({
        text,
        stop: completion.stop,
        usage: {
          promptTokens: completion.promptTokens ?? estimateTokens(question.text),
          replyTokens: completion.replyTokens ?? estimateTokens(text),
        },
      });
    }).pipe(
      Effect.timeoutOrElse({
        duration: options.timeoutMillis,
        orElse: () =>
          Effect.succeed(
            Result.fail<Failure>({
              message: `no answer within ${options.timeoutMillis} ms`,
              passing: true,
              mayCost: true,
            }),
          ),
      }),
      Effect.catch((error) => Effect.succeed(Result.fail(transportFailure(error)))),
    );

  const failed = (reason: ChatApiError["reason"], message: string) =>
    new ChatApiError({
      reason,
      message: `Expected ${options.model} at ${host} to answer, got ${redact(message)}; see that the endpoint is up and knows the model`,
    });

  /** Asks once, within the budget: whatever an attempt may cost is set aside before. */
  const attemptWithinBudget = Effect.fnUntraced(function* (question: ChatQuestion, as: Form) {
    const most = { promptTokens: estimateTokens(question.text), replyTokens: options.maxTokens };
    const settle = budget.reserve(most);
    if (settle === undefined) {
      const { promptTokens, replyTokens, cost } = budget.spent();
      return yield* failed(
        "budget",
        `no question, because with ${promptTokens + replyTokens} tokens and ${cost.toFixed(4)} spent it could exceed the budget; raise budgetTokens or budgetCost`,
      );
    }
    // An answer that nobody waits for any more is charged all the same.
    const result = yield* Effect.onInterrupt(attempt(question, as), () =>
      Effect.sync(() => settle(most)),
    );
    settle(
      Result.isSuccess(result) ? result.success.usage : result.failure.mayCost ? most : undefined,
    );
    return result;
  });

  /** Asks until there is an answer, or no reason to ask again. */
  const askPatiently = Effect.fnUntraced(function* (question: ChatQuestion) {
    for (let failures = 0; ;) {
      const as = form;
      const result = yield* attemptWithinBudget(question, as);
      if (Result.isSuccess(result)) return result.success;
      const { message, passing, wait, unknownFormat = false } = result.failure;
      if (unknownFormat && options.responseFormat === "auto") {
        // Another question may have found out meanwhile.
        if (form === as) form = FORMS[FORMS.indexOf(as) + 1] ?? "none";
        continue;
      }
      if (!passing) return yield* failed("refused", message);
      if (failures++ === options.retries) {
        return yield* failed("unavailable", `${message}, ${failures} times in a row`);
      }
      if (wait !== undefined && wait > options.maxRetryDelayMillis) {
        return yield* failed(
          "unavailable",
          `${message}, and to wait ${Math.ceil(wait / 1000)} s; wait that long, or raise maxRetryDelayMillis`,
        );
      }
      const backoff = Math.min(
        options.maxRetryDelayMillis,
        options.retryDelayMillis * 2 ** (failures - 1),
      );
      const jitter = 0.5 + (yield* Random.next) / 2;
      yield* Effect.sleep(Math.max(wait ?? 0, backoff * jitter));
    }
  });

  return { ask: askPatiently, spent: budget.spent };
});

/** HTTP by `fetch`, which follows no redirect: a key is for one endpoint and no other. */
export const httpLayer: Layer.Layer<HttpClient.HttpClient> = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "error" })),
);
