/** A reflector that asks no model. Put your diagnosis where `reflectOn` is, and your rule of credit where `creditFor` is. */
import {
  type Attempt,
  Format,
  type PromptFormat,
  type Reflection,
  Reflector,
  type Tag,
  type View,
  decodeOptions,
  noModelUse,
} from "@resd/core";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  /** Longest insight, in characters. */
  maxChars: Schema.Int.check(Schema.isGreaterThan(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(200)),
  ),
});

const reflectOn = (format: PromptFormat, failure: Attempt, maxChars: number): Reflection => {
  const text = format.feedback(failure.results);
  const insight = failure.results.at(-1)?.feedback?.parts[0]?.text.slice(0, maxChars);
  return { text, ...(insight && { insight }), tags: [], parse: "skipped" };
};

/** An entry that an answer repeats word for word was of use to it. */
const creditFor = (success: Attempt, view: View): ReadonlyArray<Tag> =>
  view.entries
    .filter(({ text }) => success.actions.some((action) => action.content.includes(text)))
    .map(({ id }) => ({ entry: id, sign: "helpful" }));

export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Reflector,
    Effect.gen(function* () {
      const { maxChars } = yield* decodeOptions("reflector-sample-plugin", Options, options);
      const format = yield* Format;
      return {
        freeText: false,
        reflect: (failures) =>
          Effect.succeed({
            reflections: failures.map((failure) => reflectOn(format, failure, maxChars)),
            use: noModelUse,
          }),
        credit: (successes, view) =>
          Effect.succeed({
            tags: successes.map((success) => creditFor(success, view)),
            use: noModelUse,
          }),
      };
    }),
  );
