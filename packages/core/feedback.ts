/** The one rendering of feedback that prose-reading models see, and the run's choice of reward. */
import type { StepResult, TestCase } from "./episode.ts";

/** How the run turns test results into a scalar: the environment's own reward, all tests, or the passed share. */
export type RewardPolicy = "env" | "all-pass" | "fraction";

const weightOf = (test: TestCase): number => test.weight ?? 1;
const scoreOf = (test: TestCase): number => test.score ?? (test.status === "passed" ? 1 : 0);

/** The passed share of the tests, weighted; undefined when the step has none. */
export const passedFraction = (result: StepResult): number | undefined => {
  const tests = result.tests ?? [];
  const total = tests.reduce((sum, test) => sum + weightOf(test), 0);
  return total === 0
    ? undefined
    : tests.reduce((sum, test) => sum + weightOf(test) * scoreOf(test), 0) / total;
};

/** The scalar reward of one step under a policy; steps without tests keep the environment's reward. */
export const stepReward = (policy: RewardPolicy, result: StepResult): number => {
  const fraction = passedFraction(result);
  if (policy === "env" || fraction === undefined) return result.reward;
  if (policy === "fraction") return fraction;
  return result.tests?.every((test) => test.status === "passed") ? 1 : 0;
};

/** Whether a step solved its task: the environment's word, or all tests passed. */
export const isSuccess = (result: StepResult): boolean =>
  result.success ??
  ((result.tests?.length ?? 0) > 0 &&
    result.tests?.every((test) => test.status === "passed") === true);

/** The failing public cases to show, in the environment's order if it gave one. Hidden cases are never among them. */
export const shownCases = (result: StepResult): ReadonlyArray<TestCase> => {
  const failing = (result.tests ?? []).filter(
    (test) => test.visibility === "public" && test.status !== "passed" && test.status !== "skipped",
  );
  if (result.cases === undefined) return failing;
  return result.cases.flatMap((id) => failing.filter((test) => test.id === id));
};

/** The first `length` characters of a text, or one fewer where that would halve a character. */
const cut = (text: string, length: number): string =>
  text.length <= length ? text : text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");

/**
 * Part of an answer as feedback may quote it: at most `length` characters and an ellipsis, well-formed whatever the answer
 * was, and never cut inside a character.
 */
export const quote = (text: string, length: number): string => {
  const clean = text.toWellFormed();
  return clean.length <= length ? clean : `${cut(clean, length)}…`;
};

/**
 * Feedback as prose for reflectors and teachers: counts, then the shown cases, then the environment's remarks.
 * The same result renders the same text, cut at `maxChars` characters on a code-point border.
 */
export const renderFeedback = (
  result: StepResult,
  options: { readonly maxCases: number; readonly maxChars: number },
): string => {
  const lines: Array<string> = [];
  const tests = result.tests ?? [];
  if (tests.length > 0) {
    const passed = tests.filter((test) => test.status === "passed").length;
    lines.push(`Passed ${passed} of ${tests.length} tests.`);
  }
  const shown = shownCases(result).slice(0, options.maxCases);
  for (const test of shown) {
    lines.push(`Test ${test.id} ${test.status}:`);
    const rows = [
      ["input", test.input],
      ["expected", test.expected],
      ["got", test.actual],
      ["message", test.message],
      ["output", test.debug],
    ] as const;
    for (const [label, value] of rows) if (value !== undefined) lines.push(`  ${label}: ${value}`);
  }
  const failing = tests.filter(
    (test) => test.status !== "passed" && test.status !== "skipped",
  ).length;
  if (failing > shown.length) {
    lines.push(`(${failing - shown.length} more failing tests not shown)`);
  }
  for (const part of result.feedback?.parts ?? []) lines.push(`[${part.kind}] ${part.text}`);
  return cut(lines.join("\n"), options.maxChars);
};
