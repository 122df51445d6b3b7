/** Long texts in prompts about attempts: the beginning and the end stay, and the gap says how much is missing. */
import type { Attempt, Message, StepResult, TestCase } from "@resd/core";

/** Of what stays, so much is the beginning: what went wrong is more often said at the end. */
const HEAD = 0.4;

/** A text of about `longest` UTF-16 units; shorter ones stay as they are. */
export const shortenText = (text: string, longest: number): string => {
  if (text.length <= longest) return text;
  const head = Math.floor(longest * HEAD);
  const tail = Math.max(0, longest - head);
  const gap = `\n[… ${text.length - head - tail} characters left out …]\n`;
  // Nothing is cut through the middle of a character.
  const start = text.slice(0, head).replace(/[\uD800-\uDBFF]$/, "");
  const end = text.slice(text.length - tail).replace(/^[\uDC00-\uDFFF]/, "");
  return `${start}${gap}${end}`;
};

const shortenMessage = (message: Message, longest: number): Message => ({
  ...message,
  content: shortenText(message.content, longest),
});

const shortenTest = (test: TestCase, longest: number): TestCase => {
  const told = ["input", "expected", "actual", "message", "debug"] as const;
  const texts = told.flatMap((name) => {
    const text = test[name];
    return text === undefined ? [] : [[name, shortenText(text, longest)]];
  });
  return { ...test, ...Object.fromEntries(texts) };
};

const shortenResult = (result: StepResult, longest: number): StepResult => ({
  ...result,
  observation: result.observation.map((message) => shortenMessage(message, longest)),
  ...(result.tests === undefined
    ? {}
    : { tests: result.tests.map((test) => shortenTest(test, longest)) }),
  ...(result.feedback === undefined
    ? {}
    : {
        feedback: {
          ...result.feedback,
          parts: result.feedback.parts.map((part) => ({
            ...part,
            text: shortenText(part.text, longest),
          })),
        },
      }),
});

/** An attempt whose answers, observations and feedback are at most about so long each; its task stays as it is. */
export const shortenAttempt = (attempt: Attempt, longest: number): Attempt =>
  longest === Infinity
    ? attempt
    : {
        ...attempt,
        actions: attempt.actions.map((action) => ({
          ...action,
          content: shortenText(action.content, longest),
        })),
        results: attempt.results.map((result) => shortenResult(result, longest)),
      };
