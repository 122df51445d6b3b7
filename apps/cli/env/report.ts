/** The report of an examination, for a person and for a program. */
import type { LawResult } from "@resd/testing";
import { Duration } from "effect";
import type { Ink } from "../ink.ts";
import type { Introduction, SplitFacts } from "./protocol.ts";

export interface Examination {
  readonly introduction: Introduction;
  readonly splits: Readonly<Record<string, SplitFacts>>;
  readonly results: ReadonlyArray<LawResult>;
}

/** `environment.feedback.leakage` is about feedback. */
const subjectOf = ({ id }: LawResult): string => id.split(".")[1] ?? id;

const indented = (text: string): string => text.replaceAll("\n", "\n           ");

const brokenLines = ({ id, promise, required, expected, actual, hint }: LawResult, ink: Ink) => [
  `  ${required ? ink("red", "✗") : ink("yellow", "○")} ${ink("bold", id)}${required ? "" : "  (recommended)"}`,
  `    ${promise}`,
  `    expected ${indented(expected ?? "")}`,
  `    got      ${indented(actual ?? "")}`,
  `    → ${indented(hint ?? "")}`,
];

const splitLine = ([name, { size, license, problemChars }]: readonly [string, SplitFacts]) => {
  const { median, p95, most } = problemChars;
  return `  ${name.padEnd(10)} ${size === "infinite" ? "endless" : `${size} tasks`}, ${license}; problems of ${median} characters in the median, ${p95} at 95 %, ${most} at most`;
};

/** The report, and how many required criteria are broken. */
export const reportText = (
  { introduction, splits, results }: Examination,
  taken: Duration.Duration,
  ink: Ink,
) => {
  const { manifest, importMillis } = introduction;
  const kept = results.filter(({ passed }) => passed);
  const broken = results.filter(({ passed, required }) => !passed && required);
  const open = results.filter(({ passed, required }) => !passed && !required);
  const subjects = [...new Set(results.map((result) => subjectOf(result)))];
  const seconds = Math.round(10 * Duration.toSeconds(taken)) / 10;
  const { min, max } = manifest.reward;
  const counts = {
    criteria: results.length,
    kept: kept.length,
    broken: broken.length,
    recommended: open.length,
  };
  const text = [
    `${ink("bold", manifest.id)}  ${introduction.package} ${introduction.version}`,
    `  ${manifest.turns === "single" ? "one turn" : "several turns"}, reward ${min} to ${max}, ${manifest.determinism}; ${manifest.feedback.tests ? "tests" : "no tests"}, feedback leaks ${manifest.feedback.leakage}; needs ${manifest.needs.join(", ") || "nothing"}; imported in ${importMillis} ms`,
    ...Object.entries(splits).map((entry) => splitLine(entry)),
    "",
    ...subjects.map((subject) => {
      const own = results.filter((result) => subjectOf(result) === subject);
      const well = own.filter(({ passed }) => passed).length;
      const mark = own.every(({ passed, required }) => passed || !required)
        ? ink("green", "✓")
        : ink("red", "✗");
      return `  ${mark} ${subject.padEnd(14)} ${well} of ${own.length}`;
    }),
    ...(broken.length + open.length === 0 ? [] : [""]),
    ...[...broken, ...open].flatMap((result) => brokenLines(result, ink)),
    "",
    `${kept.length} of ${results.length} criteria kept, ${broken.length} broken, ${open.length} recommended and open, in ${seconds} s`,
  ].join("\n");
  return {
    text,
    data: { ...introduction, splits, counts, seconds, results },
    broken: broken.length,
  };
};
