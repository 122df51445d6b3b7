/** The policy decides what of a reflection is worth keeping. */
import {
  Curator,
  CuratorError,
  Format,
  type Operation,
  Policy,
  type PolicyError,
  type PromptFormat,
  type Reflection,
  type ReplyParse,
  RunSeed,
  type View,
  decodeOptions,
} from "@resd/core";
import { type Answer, AskOptions, askPolicy, refusal, shortenText } from "@resd/resd";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  ...AskOptions.fields,
  /**
   * Whether reflections without anything to keep are passed over: in a format without free text those without an
   * insight, else those without text. The paper asks for every failure.
   */
  skipWithoutInsight: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
});

interface Proposal {
  readonly operations: ReadonlyArray<Operation>;
  readonly parse: ReplyParse;
  readonly text: string;
}
const UNASKED: Proposal = { operations: [], parse: "skipped", text: "" };

const isEmpty = (reflection: Reflection, format: PromptFormat): boolean =>
  format.freeText ? reflection.text === "" : reflection.insight === undefined;

const failed = (error: PolicyError) =>
  new CuratorError({ message: `Asking the policy failed (${error.reason}): ${error.message}` });

/** A curator that asks the run's own policy, in one generation for all reflections of a call. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Curator,
    Effect.gen(function* () {
      const { skipWithoutInsight, ...ask } = yield* decodeOptions("curator-self", Options, options);
      const policy = yield* Policy;
      const format = yield* Format;
      const seed = yield* RunSeed;
      const misfit = refusal(policy, format, ask);
      if (misfit !== undefined) return yield* new CuratorError({ message: misfit });

      const proposalOf = (answer: Answer): Proposal =>
        answer === undefined
          ? UNASKED
          : { ...format.parseOperations(answer.text, answer.stop), text: answer.text };

      return {
        curate: (items, view, { update }) => {
          const asked = items.filter(
            ({ reflection }) => !(skipWithoutInsight && isEmpty(reflection, format)),
          );
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
          return askPolicy(
            policy,
            format,
            ask,
            { seed, purpose: "curate", update },
            questions,
          ).pipe(
            Effect.map(({ answers, use }) => {
              const answered = new Map(asked.map((item, i) => [item, proposalOf(answers[i])]));
              return { proposals: items.map((item) => answered.get(item) ?? UNASKED), use };
            }),
            Effect.mapError(failed),
          );
        },
      };
    }),
  );
