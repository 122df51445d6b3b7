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
import { Format, Reflector, ReflectorError, RunSeed, decodeOptions } from "@resd/core";
import { messageFormat, reflectByAsking } from "@resd/resd";
import { Effect, Layer } from "effect";

export const Options = ChatApiOptions;

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

      return reflectByAsking(format, true, (purpose, questions, { update }) => {
        const schema = purpose === "reflect" ? REFLECTION : CREDIT;
        return Effect.mapError(
          askApi(client, decoded, { seed, purpose, update, schema }, questions),
          failed,
        );
      });
    }),
  ).pipe(Layer.provide(httpLayer));
