/** The policy reads its own failures. */
import {
  type Attempt,
  type CallContext,
  Format,
  Policy,
  type PolicyError,
  type Reflection,
  Reflector,
  ReflectorError,
  RunSeed,
  type View,
  decodeOptions,
} from "@resd/core";
import { AskOptions, askPolicy, refusal, shortenAttempt } from "@resd/resd";
import { Effect, Layer } from "effect";

export const Options = AskOptions;

/** The prompt left no room even for an empty playbook. */
const UNASKED: Reflection = { text: "", tags: [], parse: "skipped" };

const failed = (error: PolicyError) =>
  new ReflectorError({ message: `Asking the policy failed (${error.reason}): ${error.message}` });

/**
 * A reflector that asks the run's own policy, in one generation for all attempts of a call. How it asks and what it
 * makes of the replies is the format's part, so it writes prose exactly if the format does.
 */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Reflector,
    Effect.gen(function* () {
      const ask = yield* decodeOptions("reflector-self", Options, options);
      const policy = yield* Policy;
      const format = yield* Format;
      const seed = yield* RunSeed;
      const misfit = refusal(policy, format, ask);
      if (misfit !== undefined) return yield* new ReflectorError({ message: misfit });

      /** One reflection for each attempt, in order. */
      const reflections = (
        purpose: "reflect" | "credit",
        attempts: ReadonlyArray<Attempt>,
        view: View,
        { update }: CallContext,
      ) => {
        const prompt = purpose === "reflect" ? format.reflector : format.success;
        const questions = attempts.map((attempt) => ({
          attempt: attempt.id,
          entries: view.entries,
          task: attempt.problem,
          render: (entries: View["entries"], longest: number) =>
            prompt(shortenAttempt(attempt, longest), { ...view, entries }),
        }));
        return askPolicy(policy, format, ask, { seed, purpose, update }, questions).pipe(
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
        freeText: format.freeText,
        reflect: (failures, view, context) => reflections("reflect", failures, view, context),
        credit: (successes, view, context) =>
          Effect.map(reflections("credit", successes, view, context), (answer) => ({
            tags: answer.reflections.map((reflection) => reflection.tags),
            parse: answer.reflections.map((reflection) => reflection.parse),
            use: answer.use,
          })),
      };
    }),
  );
