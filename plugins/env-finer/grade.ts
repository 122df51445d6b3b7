/** An answer against the labels, place by place. */
import { type Action, type FeedbackPart, type Graded, quote, type TestCase } from "@resd/core";
import { type Question, tagsOf } from "./rows.ts";

/** Length of all feedback on one answer, in UTF-16 units. */
export const MAX_CHARS = 2000;
const MAX_CASES = 4;
const MAX_TAG = 90;
const MAX_ANSWER = 600;

const OPEN = "<answer>";
const CLOSE = "</answer>";

/** A tag as feedback shows it: on one line, without control characters, and no longer than it has to be. */
const shownTag = (tag: string): string =>
  quote(tag.replaceAll(/[\s\p{Cc}]+/gu, " "), MAX_TAG) || "(nothing)";

/** What follows thinking, also if the thinking was opened by the prompt; nothing of thinking that never ends. */
const withoutThinking = (content: string): string => {
  const end = content.lastIndexOf("</think>");
  const rest = end === -1 ? content : content.slice(end);
  const unclosed = rest.indexOf("<think>");
  return unclosed === -1 ? rest : rest.slice(0, unclosed);
};

/** What stands between the last pair of answer tags, or undefined where there is none. */
const answerOf = (content: string): string | undefined => {
  const text = withoutThinking(content);
  const end = text.lastIndexOf(CLOSE);
  const start = end === -1 ? -1 : text.lastIndexOf(OPEN, end);
  return start === -1 ? undefined : text.slice(start + OPEN.length, end);
};

const same = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

const verdict = (right: number, { labels }: Question): FeedbackPart => {
  const answer = `The correct answer is: ${quote(labels.join(","), MAX_ANSWER)}`;
  return {
    kind: "wrong_answer",
    text:
      right === 0
        ? `The answer is completely incorrect. ${answer}`
        : `The answer is partially correct: ${right} of ${labels.length} tags are right. ${answer}`,
  };
};

const TOO_LONG: FeedbackPart = {
  kind: "truncated",
  text: "The answer was cut off by its length; think and write less.",
};
const NO_ANSWER: FeedbackPart = {
  kind: "format",
  text: `Expected the tags between ${OPEN} and ${CLOSE}, got an answer without them.`,
};

/**
 * The reward is the share of labels that the answer has in their places. Missing tags are wrong and surplus ones are not
 * looked at, as in the published scorer. An answer that was cut off is told so whatever it says.
 */
export const grade = (question: Question, { content, stop }: Action): Graded => {
  const answer = answerOf(content);
  const given = answer === undefined ? [] : tagsOf(answer);
  const { labels } = question;
  const tests = labels.map((label, i): TestCase => {
    const tag = given[i] ?? "";
    const passed = same(label, tag);
    return {
      id: String(i + 1),
      visibility: "public",
      status: passed ? "passed" : answer === undefined ? "skipped" : "failed",
      expected: shownTag(label),
      ...(answer === undefined ? {} : { actual: shownTag(tag) }),
    };
  });
  const right = tests.filter(({ status }) => status === "passed").length;
  const success = right === labels.length;
  const truncated = stop === "max_tokens";
  const parts = truncated
    ? [TOO_LONG]
    : answer === undefined
      ? [NO_ANSWER]
      : success
        ? []
        : [verdict(right, question)];
  const failing = tests.filter(({ status }) => status === "failed").map(({ id }) => id);
  return {
    reward: right / labels.length,
    success,
    tests,
    cases: failing.slice(0, MAX_CASES),
    ...(parts.length === 0 ? {} : { feedback: { parts, leakage: "answer" as const } }),
    parse: answer === undefined ? "no_answer" : given.length === labels.length ? "ok" : "repaired",
  };
};
