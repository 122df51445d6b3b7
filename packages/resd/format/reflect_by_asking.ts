/** Reflectors that ask a model: one question about each attempt, whoever answers it. */
import {
  type Attempt,
  type CallContext,
  type ModelUse,
  type PromptFormat,
  type Reflection,
  type ReflectorError,
  type ReflectorShape,
  type View,
} from "@resd/core";
import { Effect } from "effect";
import type { Answer, Question } from "./ask_policy.ts";
import { shortenAttempt } from "./shorten.ts";

/** Why a model is asked about an attempt: to learn from a failure, or to credit the lessons behind a success. */
export type AttemptPurpose = "reflect" | "credit";

/** Asks all questions of a call; answers are in their order, undefined where the prompt left no room even for an empty playbook. */
export type AskAboutAttempts = (
  purpose: AttemptPurpose,
  questions: ReadonlyArray<Question>,
  context: CallContext,
) => Effect.Effect<
  { readonly answers: ReadonlyArray<Answer>; readonly use: ModelUse },
  ReflectorError
>;

const UNASKED: Reflection = { text: "", tags: [], parse: "skipped" };

/** A reflector whose prompts are the format's, and whose answers come from `ask`. */
export const reflectByAsking = (
  format: PromptFormat,
  freeText: boolean,
  ask: AskAboutAttempts,
): ReflectorShape => {
  const reflections = (
    purpose: AttemptPurpose,
    attempts: ReadonlyArray<Attempt>,
    view: View,
    context: CallContext,
  ) => {
    const prompt = purpose === "reflect" ? format.reflector : format.success;
    const questions = attempts.map((attempt): Question => ({
      attempt: attempt.id,
      entries: view.entries,
      task: attempt.problem,
      render: (entries, longest) => prompt(shortenAttempt(attempt, longest), { ...view, entries }),
    }));
    return Effect.map(ask(purpose, questions, context), ({ answers, use }) => ({
      reflections: answers.map((answer) =>
        answer === undefined ? UNASKED : format.parseReflection(answer.text, view, answer.stop),
      ),
      use,
    }));
  };
  return {
    freeText,
    reflect: (failures, view, context) => reflections("reflect", failures, view, context),
    credit: (successes, view, context) =>
      Effect.map(reflections("credit", successes, view, context), (answer) => ({
        tags: answer.reflections.map(({ tags }) => tags),
        parse: answer.reflections.map(({ parse }) => parse),
        use: answer.use,
      })),
  };
};
