/** From the query that was handed in to a grade: its rows on the database that was seen, and on one that was not. */
import type { EnvironmentInfraError, FeedbackPart, Graded, TestCase } from "@resd/core";
import { Effect } from "effect";
import { difference } from "./compare.ts";
import type { QueryResult } from "./database/open.ts";
import type { Instance } from "./database/rows.ts";
import type { Query } from "./database/service.ts";
import type { Question } from "./questions/question.ts";
import { plain, rowsText } from "./result_text.ts";

/** Rows that are compared; no question has as many. */
export const MOST_ROWS = 500;

/** What the question's own query gives on each database. */
export type Expected = Readonly<Record<Instance, Extract<QueryResult, { _tag: "rows" }>>>;

/** Tests of an episode in which nothing was handed in. */
export const NOT_ANSWERED: ReadonlyArray<TestCase> = [
  { id: "seen", visibility: "public", status: "skipped" },
  { id: "unseen", visibility: "hidden", status: "skipped" },
];

const SHOWN = 3;
const MOST_MESSAGE = 600;

/** SQLite's words, and what they mean where they are about what is not allowed. */
export const errorText = (message: string): string =>
  /not authorized|authorization denied/.test(message)
    ? `${plain(message, 300)} (the database can be read and nothing else)`
    : plain(message, 300);

const wrong = (text: string): FeedbackPart => ({ kind: "wrong_answer", text, testId: "unseen" });

const VALUES =
  "The rows are right on the database that you see, but not on another one with the same tables and other rows. The query relies on what happens to be in this one: say in it what the question says, without values taken from results.";

/** Grades a query. It is run on the unseen database only if it is right on the other. */
export const gradeQuery = Effect.fnUntraced(function* (
  sql: string,
  question: Question,
  expected: Expected,
  query: Query,
): Effect.fn.Return<Graded, EnvironmentInfraError> {
  const on = (instance: Instance) => query({ instance, sql, mostRows: MOST_ROWS });
  const seen = yield* on("shown");
  const fault =
    seen._tag === "error" ? undefined : difference(expected.shown, seen, question.ordered);
  const test = { id: "seen", visibility: "public" as const };
  const unseenSkipped: TestCase = { id: "unseen", visibility: "hidden", status: "skipped" };
  const failing = (tests: ReadonlyArray<TestCase>, parts: ReadonlyArray<FeedbackPart>): Graded => ({
    reward: 0,
    success: false,
    tests,
    feedback: { parts, leakage: "partial" },
    parse: seen._tag === "error" ? "malformed" : "ok",
  });

  if (seen._tag === "error") {
    const status = seen.message.startsWith("interrupted") ? "timeout" : "error";
    const message = errorText(seen.message);
    return failing([{ ...test, status, message }, unseenSkipped], []);
  }
  if (fault !== undefined) {
    const compared = {
      expected: rowsText(expected.shown.rows, SHOWN),
      actual: rowsText(seen.rows, SHOWN, seen.more),
      message: plain(fault, MOST_MESSAGE),
    };
    return failing([{ ...test, status: "failed", ...compared }, unseenSkipped], []);
  }
  const unseen = yield* on("hidden");
  const right =
    unseen._tag === "rows" && difference(expected.hidden, unseen, question.ordered) === undefined;
  const tests: ReadonlyArray<TestCase> = [
    { ...test, status: "passed" },
    { id: "unseen", visibility: "hidden", status: right ? "passed" : "failed" },
  ];
  return right ? { reward: 1, success: true, tests, parse: "ok" } : failing(tests, [wrong(VALUES)]);
});
