/** A local instruct model reads the failures of the policy. */
import {
  type CallContext,
  Format,
  type ModelUse,
  type Prompt,
  Reflector,
  ReflectorError,
  RunSeed,
  decodeOptions,
  makeRandom,
} from "@resd/core";
import {
  type AttemptPurpose,
  type Question,
  fitQuestion,
  messageFormat,
  messageText,
  reflectByAsking,
} from "@resd/resd";
import { ModelOptions } from "@resd/transformers-node";
import { Effect, Layer, Schema } from "effect";
import { loadInstructModel } from "./instruct_model.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));

export const Options = Schema.Struct({
  ...ModelOptions.fields,
  /** 0 is greedy. */
  temperature: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(0.5)),
  ),
  topP: Schema.Finite.check(Schema.isBetween({ minimum: 1e-6, maximum: 1 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(1)),
  ),
  /** Longest reply, in tokens. */
  maxTokens: Positive.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1024))),
  /** Tokens of prompt and reply together. */
  contextTokens: Positive.pipe(Schema.withDecodingDefaultKey(Effect.succeed(4096))),
});

/** Texts that would need longer tokens than this to fit are not worth counting, which takes time. */
const LETTERS_PER_TOKEN = 8;

const failed = ({ message }: { readonly message: string }) => new ReflectorError({ message });

/**
 * A reflector that asks a local model, one question after the other: the answer to a question depends on nothing but the
 * question and its seed.
 */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Reflector,
    Effect.gen(function* () {
      const decoded = yield* decodeOptions("reflector-transformers", Options, options);
      const { maxTokens, contextTokens, temperature, topP } = decoded;
      if (maxTokens >= contextTokens) {
        return yield* new ReflectorError({
          message: `Expected maxTokens below contextTokens ${contextTokens}, got ${maxTokens}; lower maxTokens`,
        });
      }
      const format = messageFormat(yield* Format);
      const seed = yield* RunSeed;
      const model = yield* Effect.mapError(loadInstructModel(decoded), failed);
      const measure = (prompt: Prompt) =>
        Effect.sync(() => {
          const text = messageText(prompt);
          const hopeless = text.length > LETTERS_PER_TOKEN * contextTokens;
          return new Int32Array(hopeless ? contextTokens : model.count(text));
        });

      const answerTo = Effect.fnUntraced(function* (
        purpose: AttemptPurpose,
        question: Question,
        { update }: CallContext,
      ) {
        const fitted = yield* Effect.orDie(
          fitQuestion(measure, contextTokens - maxTokens, question, true),
        );
        if (fitted === undefined) return undefined;
        const text = messageText(question.render(fitted.entries, fitted.longest));
        const random = makeRandom(seed, purpose, update, question.attempt);
        return yield* model
          .answer(text, { temperature, topP, maxTokens }, random)
          .pipe(Effect.mapError(failed));
      });

      return reflectByAsking(
        format,
        true,
        Effect.fnUntraced(function* (purpose, questions, context) {
          const answers = yield* Effect.forEach(questions, (question) =>
            answerTo(purpose, question, context),
          );
          const given = answers.filter((answer) => answer !== undefined);
          const use: ModelUse = {
            modelCalls: given.length,
            generatedTokens: given.reduce((sum, { tokens }) => sum + tokens, 0),
          };
          return { answers, use };
        }),
      );
    }),
  );
