/** The policy reads its own failures. */
import {
  Format,
  Policy,
  type PolicyError,
  Reflector,
  ReflectorError,
  RunSeed,
  decodeOptions,
} from "@resd/core";
import { AskOptions, askPolicy, reflectByAsking, refusal } from "@resd/resd";
import { Effect, Layer } from "effect";

export const Options = AskOptions;

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

      return reflectByAsking(format, format.freeText, (purpose, questions, { update }) =>
        Effect.mapError(
          askPolicy(policy, format, ask, { seed, purpose, update }, questions),
          failed,
        ),
      );
    }),
  );
