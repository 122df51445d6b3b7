/** An endpoint decides what of a reflection is worth keeping. */
import {
  ChatApiOptions,
  askApi,
  contradictionOf,
  httpLayer,
  makeChatClient,
  operationsSchema,
} from "@resd/chat-api";
import {
  Curator,
  CuratorError,
  Format,
  type Operation,
  type ReplyParse,
  RunSeed,
  type View,
  decodeOptions,
} from "@resd/core";
import { messageFormat, shortenText } from "@resd/resd";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  ...ChatApiOptions.fields,
  /** What the model may propose. Whether the run lets it through is `resd.operations`. */
  operations: Schema.Array(Schema.Literals(["Add", "Update", "Merge", "Delete"])).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(["Add" as const])),
  ),
  /** Whether reflections without text are passed over. The paper asks for every failure. */
  skipEmpty: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
});

interface Proposal {
  readonly operations: ReadonlyArray<Operation>;
  readonly parse: ReplyParse;
  readonly text: string;
}
const UNASKED: Proposal = { operations: [], parse: "skipped", text: "" };

const failed = ({ message }: { readonly message: string }) => new CuratorError({ message });

/** A curator that asks an endpoint, several questions at a time. What it has cost is logged at the end. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Curator,
    Effect.gen(function* () {
      const { operations, skipEmpty, ...decoded } = yield* decodeOptions(
        "curator-openai",
        Options,
        options,
      );
      const contradiction = contradictionOf(decoded);
      if (contradiction !== undefined) return yield* new CuratorError({ message: contradiction });
      const format = messageFormat(yield* Format, { operations });
      const seed = yield* RunSeed;
      const schema = operationsSchema(operations);
      const client = yield* Effect.mapError(makeChatClient(decoded), failed);
      yield* Effect.addFinalizer(() => {
        const { requests, promptTokens, replyTokens, cost } = client.spent();
        return Effect.logInfo(
          `curator-openai asked ${decoded.model} ${requests} times: ${promptTokens} tokens of prompts, ${replyTokens} of replies, cost ${cost.toFixed(4)}`,
        );
      });

      return {
        curate: Effect.fnUntraced(function* (items, view, { update }) {
          const asked = items.filter(({ reflection }) => !skipEmpty || reflection.text !== "");
          const questions = asked.map(({ attempt, reflection }) => ({
            attempt: attempt.id,
            entries: view.entries,
            task: attempt.problem,
            render: (entries: View["entries"], longest: number) =>
              format.curator(
                { ...reflection, text: shortenText(reflection.text, longest) },
                { ...view, entries },
                attempt,
              ),
          }));
          const { answers, use } = yield* askApi(
            client,
            decoded,
            { seed, purpose: "curate", update, schema },
            questions,
          ).pipe(Effect.mapError(failed));
          const answered = new Map(
            asked.map((item, i): readonly [(typeof asked)[number], Proposal] => {
              const answer = answers[i];
              return [
                item,
                answer === undefined
                  ? UNASKED
                  : { ...format.parseOperations(answer.text, answer.stop), text: answer.text },
              ];
            }),
          );
          return { proposals: items.map((item) => answered.get(item) ?? UNASKED), use };
        }),
      };
    }),
  ).pipe(Layer.provide(httpLayer));
