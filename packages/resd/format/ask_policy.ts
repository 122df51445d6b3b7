/** Asking the policy itself: one batch of questions in, replies out, whatever the format. */
import {
  type Entry,
  type ModelUse,
  type PolicyError,
  type PolicyShape,
  type Prompt,
  type PromptFormat,
  type Stop,
  hashSeed,
  noModelUse,
} from "@resd/core";
import { Effect, Schema } from "effect";
import { type FittedPrompt, fitPrompt } from "./fit_prompt.ts";

/** How a policy is asked about its own attempts. */
export const AskOptions = Schema.Struct({
  /** 0 is greedy. */
  temperature: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(0.5)),
  ),
  topP: Schema.Finite.check(Schema.isBetween({ minimum: 1e-6, maximum: 1 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(1)),
  ),
  /** Longest reply in tokens; absent: what the format needs, a quarter of the context at the most. */
  maxTokens: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  /** Whose weights answer: those of the policy, or those of its teacher. */
  as: Schema.Literals(["student", "teacher"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("student" as const)),
  ),
});
export type AskOptions = typeof AskOptions.Type;

/** Replies in a fixed grammar take at most 38 tokens (a reflection on four lines); prose takes thousands. */
const USUAL_REPLY = { prose: 4096, grammar: 64 } as const;

/** What is wrong with a composition, or undefined. Checked when a layer is built, never at update 40. */
export const refusal = (
  policy: PolicyShape,
  format: PromptFormat,
  options: AskOptions,
): string | undefined => {
  const { model, maxContext, format: asked } = policy.info;
  if (format.freeText !== (asked === "chat")) {
    return `Expected ${asked === "chat" ? "a format with free text" : "a format without free text"}, because the model ${model} reads ${asked} prompts, got the format "${format.id}"; leave the choice of the format to the model folder (auto)`;
  }
  if (options.maxTokens !== undefined && options.maxTokens >= maxContext) {
    return `Expected maxTokens below the ${maxContext} tokens of context of ${model}, got ${options.maxTokens}; lower maxTokens`;
  }
  return undefined;
};

/** One question about one attempt. */
export interface Question {
  /** Names the draw, with the purpose and the update. */
  readonly attempt: string;
  readonly entries: ReadonlyArray<Entry>;
  /** The prompt with these entries, quoting texts of at most about `longest` characters each. */
  readonly render: (entries: ReadonlyArray<Entry>, longest: number) => Prompt;
  /** The task of the attempt, as plain text. */
  readonly task: string;
}
/** Undefined where the prompt did not fit even without its playbook, so that nobody was asked. */
export type Answer = { readonly text: string; readonly stop: Stop } | undefined;

/** How long quoted texts may be, one try after the other, when a prompt in prose is too long without any entry. */
const LONGEST = [Infinity, 32_768, 8192, 2048, 512] as const;

/** A prompt as ids, with what it had to go without. */
export interface FittedQuestion extends FittedPrompt {
  /** Whether texts that it quotes were shortened, and to about how many characters. */
  readonly cut: boolean;
  readonly longest: number;
}

/**
 * Fits a question into a budget of tokens: whole playbook entries go first, then the middle of long answers,
 * observations and feedback, which only prose can do without. Undefined when even that does not fit.
 */
export const fitQuestion = Effect.fnUntraced(function* (
  encode: PolicyShape["encode"],
  budget: number,
  { entries, render, task }: Question,
  freeText: boolean,
): Effect.fn.Return<FittedQuestion | undefined, PolicyError> {
  for (const longest of freeText ? LONGEST : LONGEST.slice(0, 1)) {
    const fitted = yield* fitPrompt(encode, budget, entries, (kept) => render(kept, longest), task);
    if (fitted !== undefined) return { ...fitted, cut: longest !== Infinity, longest };
  }
  return undefined;
});

/**
 * Asks all questions in one `generate`; answers are in their order. Prompts that would overflow the context lose
 * playbook entries, and prose the middle of long texts, rather than end the run (the released code raises); the log says
 * so. The draw of each answer
 * is seeded by hashSeed(run seed, purpose, update, attempt).
 */
export const askPolicy = Effect.fn("askPolicy")(function* (
  policy: PolicyShape,
  format: PromptFormat,
  options: AskOptions,
  draw: { readonly seed: number; readonly purpose: string; readonly update: number },
  questions: ReadonlyArray<Question>,
): Effect.fn.Return<
  { readonly answers: ReadonlyArray<Answer>; readonly use: ModelUse },
  PolicyError
> {
  if (questions.length === 0) return { answers: [], use: noModelUse };
  const { maxContext } = policy.info;
  const usual = format.freeText ? USUAL_REPLY.prose : USUAL_REPLY.grammar;
  const maxTokens = options.maxTokens ?? Math.max(1, Math.min(usual, Math.floor(maxContext / 4)));

  const prompts = yield* Effect.forEach(questions, (question) =>
    fitQuestion(policy.encode, maxContext - maxTokens, question, format.freeText),
  );
  const shortened = prompts.filter(
    (prompt, i) =>
      prompt !== undefined && prompt.entries.length < (questions[i]?.entries.length ?? 0),
  ).length;
  const cut = prompts.filter((prompt) => prompt?.cut === true).length;
  const tooLong = prompts.filter((prompt) => prompt === undefined).length;
  if (shortened + cut + tooLong > 0) {
    yield* Effect.logWarning(
      `Of ${questions.length} prompts to ${draw.purpose}, ${shortened} lost playbook entries, ${cut} the middle of long texts, and ${tooLong} were left out to fit ${maxContext} tokens of context`,
    );
  }

  const requests = prompts.flatMap((prompt, i) => {
    if (prompt === undefined) return [];
    const attempt = (questions[i] as Question).attempt;
    return [
      {
        id: `${draw.purpose}/${draw.update}/${attempt}`,
        prompt: prompt.ids,
        seed: hashSeed(draw.seed, draw.purpose, draw.update, attempt),
        sampling: {
          temperature: options.temperature,
          topP: options.topP,
          topK: 0,
          maxTokens,
          stop: [],
        },
        as: options.as,
      },
    ];
  });
  const generations = requests.length === 0 ? [] : yield* policy.generate(requests);
  const replies = generations[Symbol.iterator]();
  const answers = prompts.map((prompt): Answer => {
    const generation = prompt === undefined ? undefined : replies.next().value;
    return generation && { text: policy.decode(generation.ids), stop: generation.stop };
  });
  return {
    answers,
    use: {
      modelCalls: requests.length,
      generatedTokens: generations.reduce((sum, generation) => sum + generation.ids.length, 0),
    },
  };
});
