/** From what a grader says to what an environment answers. */
import {
  type Action,
  EnvironmentTaskError,
  type FeedbackPart,
  type Graded,
  type Leakage,
  type TestCase,
  quote,
} from "@resd/core";
import { Effect } from "effect";
import { type Reader, Unreadable, readText, withoutThinking } from "./read_answer.ts";

/**
 * What a grader says of an answer: whether it is right; a reward from 0 to 1, where 1 is right; what is wrong with it, in a
 * sentence; that it cannot be read after all; or several of these.
 */
export type Verdict = boolean | number | string | Unreadable | VerdictDetails;

export interface VerdictDetails {
  /** From 0 to 1. Unless given: the share of passed tests, or 0 without tests. */
  readonly reward?: number;
  /** Unless given: all tests passed, or the reward is 1. */
  readonly success?: boolean;
  readonly tests?: ReadonlyArray<TestCase>;
  /** What was wrong: a sentence, or parts. */
  readonly feedback?: string | ReadonlyArray<FeedbackPart>;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** How feedback is held within its bounds. */
export interface FeedbackBounds {
  readonly tests: boolean;
  readonly leakage: Leakage;
  /** Most characters of feedback, headings included. */
  readonly maxChars: number;
}

/** Room for what rendering adds to each part. */
const HEADING = "[] \n".length;

const wrong = (text: string): FeedbackPart => ({ kind: "wrong_answer", text });

const detailed = (verdict: Exclude<Verdict, Unreadable>, answer: string): VerdictDetails => {
  if (typeof verdict === "object") return verdict;
  if (typeof verdict === "string") return { reward: 0, success: false, feedback: verdict };
  const reward = Number(verdict);
  return {
    reward,
    ...(reward === 1 ? {} : { feedback: `"${quote(answer, 60)}" is not right.` }),
  };
};

/** Parts that together render to at most `maxChars` characters; the first ones are kept. */
const bounded = (
  parts: ReadonlyArray<FeedbackPart>,
  maxChars: number,
): ReadonlyArray<FeedbackPart> => {
  let room = maxChars;
  return parts.flatMap((part) => {
    room -= HEADING + part.kind.length;
    if (room <= 0) return [];
    const text = quote(part.text, room - 1);
    room -= text.length;
    return [{ ...part, text }];
  });
};

const partsOf = (feedback: VerdictDetails["feedback"]): ReadonlyArray<FeedbackPart> =>
  feedback === undefined ? [] : typeof feedback === "string" ? [wrong(feedback)] : feedback;

const CUT_OFF: FeedbackPart = { kind: "truncated", text: "The answer was cut off by its length." };

/**
 * Reads an answer and has it graded. An answer that is empty or cannot be read is a low reward with feedback; a reward
 * outside of 0 to 1 is a fault of the grader, an EnvironmentTaskError.
 */
export const gradeAnswer = Effect.fnUntraced(function* <Answer, E, R>(
  { content, stop }: Action,
  key: string,
  read: Reader<Answer>,
  grade: (answer: Answer) => Effect.Effect<Verdict, E, R>,
  { tests: promised, leakage, maxChars }: FeedbackBounds,
): Effect.fn.Return<Graded, E | EnvironmentTaskError, R> {
  const cut = stop === "max_tokens" ? [CUT_OFF] : [];
  const feedbackOf = (parts: ReadonlyArray<FeedbackPart>) => ({
    feedback: { parts: bounded([...cut, ...parts], maxChars), leakage },
  });
  const unread = (parse: "no_answer" | "malformed", text: string): Graded => ({
    reward: 0,
    success: false,
    parse,
    ...(promised ? { tests: [] } : {}),
    ...feedbackOf([{ kind: "format", text }]),
  });
  const text = withoutThinking(content);
  if (text === "") return unread("no_answer", "There is no answer.");
  const answer = read(text);
  if (answer instanceof Unreadable) return unread("malformed", answer.message);

  const verdict = yield* grade(answer);
  if (verdict instanceof Unreadable) return unread("malformed", verdict.message);
  const { tests, metrics, ...given } = detailed(verdict, text);
  const passed = (tests ?? []).filter(({ status }) => status === "passed").length;
  const share = tests === undefined || tests.length === 0 ? 0 : passed / tests.length;
  const reward = given.reward ?? share;
  if (!(reward >= 0 && reward <= 1)) {
    return yield* new EnvironmentTaskError({
      message: `Expected a reward from 0 to 1, got ${reward}, at task ${key}; correct the grader`,
      taskKey: key,
    });
  }
  const success =
    given.success ?? (tests === undefined ? reward === 1 : passed === tests.length && reward === 1);
  const parts = partsOf(given.feedback);
  return {
    reward,
    success,
    // Any text is an answer where nothing is read out of it.
    parse: (read as unknown) === readText ? "not_applicable" : "ok",
    ...(tests === undefined ? (promised ? { tests: [] } : {}) : { tests }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(success && parts.length === 0
      ? {}
      : feedbackOf(parts.length > 0 || tests !== undefined ? parts : [wrong("It is not right.")])),
  };
});
