/** Asking an endpoint about attempts, as `askPolicy` asks the run's own policy. */
import { type ModelUse, type Prompt, type Stop, hashSeed } from "@resd/core";
import { type Question, fitQuestion, messageText } from "@resd/resd";
import { Effect, Result } from "effect";
import type { ChatApiError } from "./api_error.ts";
import { type ChatClient, estimateTokens } from "./chat_client.ts";
import type { ChatApiOptions } from "./options.ts";
import type { ReplySchema } from "./reply_schemas.ts";

/** Undefined where the prompt did not fit, or the run goes on without an answer. */
export type ApiAnswer = { readonly text: string; readonly stop: Stop } | undefined;

/** Prompts are measured by their length: an endpoint does not tell its tokens before it is asked. */
const measure = (prompt: Prompt) =>
  Effect.sync(() => new Int32Array(estimateTokens(messageText(prompt))));

/**
 * Asks all questions, so many at once as the options allow; answers are in the order of the questions. What cannot be
 * answered fails the call, or is left out where the options say so: then the log tells why, once a call.
 */
export const askApi = Effect.fn("askApi")(function* (
  client: ChatClient,
  options: ChatApiOptions,
  draw: {
    readonly seed: number;
    readonly purpose: string;
    readonly update: number;
    readonly schema: ReplySchema;
  },
  questions: ReadonlyArray<Question>,
): Effect.fn.Return<
  { readonly answers: ReadonlyArray<ApiAnswer>; readonly use: ModelUse },
  ChatApiError
> {
  const room = options.contextTokens - options.maxTokens;
  // A failure that ends the call ends the other questions too; one that is gone without does not.
  const isTolerated = (error: ChatApiError): boolean =>
    options.otherwise === "skip" && error.reason !== "refused";
  const asked = yield* Effect.forEach(
    questions,
    Effect.fnUntraced(function* (question) {
      const fitted = yield* Effect.orDie(fitQuestion(measure, room, question, true));
      if (fitted === undefined) return undefined;
      const text = messageText(question.render(fitted.entries, fitted.longest));
      const draws = hashSeed(draw.seed, draw.purpose, draw.update, question.attempt) >>> 1;
      return yield* client.ask({ text, schema: draw.schema, seed: draws }).pipe(
        Effect.map((answer) => Result.succeed(answer)),
        Effect.catchIf(isTolerated, (error) => Effect.succeed(Result.fail(error))),
      );
    }),
    { concurrency: options.concurrency },
  );
  const failures = asked.flatMap((one) =>
    one !== undefined && Result.isFailure(one) ? [one.failure] : [],
  );
  if (failures[0] !== undefined) {
    yield* Effect.logWarning(
      `${failures.length} of ${questions.length} questions to ${draw.purpose} were not answered: ${failures[0].message}`,
    );
  }
  const tooLong = asked.filter((one) => one === undefined).length;
  if (tooLong > 0) {
    yield* Effect.logWarning(
      `${tooLong} of ${questions.length} prompts to ${draw.purpose} were left out to fit ${options.contextTokens} tokens of context`,
    );
  }
  const answers = asked.map((one) =>
    one !== undefined && Result.isSuccess(one) ? one.success : undefined,
  );
  const given = answers.filter((answer) => answer !== undefined);
  return {
    answers,
    use: {
      modelCalls: given.length,
      generatedTokens: given.reduce((sum, answer) => sum + answer.usage.replyTokens, 0),
    },
  };
});
