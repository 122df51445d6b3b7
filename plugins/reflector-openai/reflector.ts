/** An endpoint reads the failures of the policy. */
import {
  CREDIT,
  ChatApiOptions,
  REFLECTION,
  askApi,
  contradictionOf,
  httpLayer,
  makeChatClient,
} from "@resd/chat-api";
import {
  type Attempt,
  type CallContext,
  Format,
  type Reflection,
  Reflector,
  ReflectorError,
  RunSeed,
  type View,
  decodeOptions,
} from "@resd/core";
import { messageFormat, shortenAttempt } from "@resd/resd";
import { Effect, Layer } from "effect";

export const Options = ChatApiOptions;

const UNASKED: Reflection = { text: "", tags: [], parse: "skipped" };

const failed = ({ message }: { readonly message: string }) => new ReflectorError({ message });

/** A reflector that asks an endpoint, several questions at a time. What it has cost is logged at the end. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Reflector,
    Effect.gen(function* () {
      const decoded = yield* decodeOptions("reflector-openai", Options, options);
      const contradiction = contradictionOf(decoded);
      if (contradiction !== undefined) return yield* new ReflectorError({ message: contradiction });
      const format = messageFormat(yield* Format);
      const seed = yield* RunSeed;
      const client = yield* Effect.mapError(makeChatClient(decoded), failed);
      yield* Effect.addFinalizer(() => {
        const { requests, promptTokens, replyTokens, cost } = client.spent();
        return Effect.logInfo(
          `reflector-openai asked ${decoded.model} ${requests} times: ${promptTokens} tokens of prompts, ${replyTokens} of replies, cost ${cost.toFixed(4)}`,
        );
      });

      const reflections = (
        purpose: "reflect" | "credit",
        attempts: ReadonlyArray<Attempt>,
        view: View,
        { update }: CallContext,
      ) => {
        const prompt = purpose === "reflect" ? format.reflector : format.success;
        const schema = purpose === "reflect" ? REFLECTION : CREDIT;
        const questions = attempts.map((attempt) => ({
          attempt: attempt.id,
          entries: view.entries,
          task: attempt.problem,
          render: (entries: View["entries"], longest: number) =>
            prompt(shortenAttempt(attempt, longest), { ...view, entries }),
        }));
        return askApi(client, decoded, { seed, purpose, update, schema }, questions).pipe(
          Effect.map(({ answers, use }) => ({
            reflections: answers.map((answer) =>
              answer === undefined
                ? UNASKED
                : format.parseReflection(answer.text, view, answer.stop),
            ),
            use,
          })),
          Effect.mapError(failed),
        );
      };

      return {
        freeText: true,
        reflect: (failures, view, context) => reflections("reflect", failures, view, context),
        credit: (successes, view, context) =>
          Effect.map(reflections("credit", successes, view, context), (answer) => ({
            tags: answer.reflections.map(({ tags }) => tags),
            parse: answer.reflections.map(({ parse }) => parse),
            use: answer.use,
          })),
      };
    }),
  ).pipe(Layer.provide(httpLayer));
