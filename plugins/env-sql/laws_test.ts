import type { Action, TaskRow } from "@resd/core";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Duration } from "effect";
import { describe } from "vitest";
import * as sql from "./mod.ts";

const call = (name: string, query: string): Action => ({
  content: "",
  toolCalls: [{ id: "call-1", name, arguments: { query } }],
  stop: "eos",
});

/** The gold query with a column or rows too many, with none, and said without handing it in. */
const nearMisses = ({ gold }: TaskRow<unknown>): ReadonlyArray<Action> => {
  const query = gold?.content ?? "";
  return [
    call("answer", `SELECT *, 1 FROM (${query})`),
    call("answer", `SELECT * FROM (${query}) UNION ALL SELECT * FROM (${query})`),
    call("answer", `SELECT * FROM (${query}) LIMIT 0`),
    call("run_sql", query),
    { content: query, stop: "eos" },
  ];
};

/** Statements that must come to nothing. */
const HOSTILE: Readonly<Record<string, string>> = {
  attach: "ATTACH DATABASE 'escape.db' AS other",
  vacuum: "VACUUM INTO 'escape.db'",
  extension: "SELECT load_extension('libm')",
  pragma: "PRAGMA query_only = 0",
  drop: "DROP TABLE bookings",
  "second-statement": "SELECT 1; DELETE FROM bookings",
  wide: `SELECT ${Array.from({ length: 1500 }, (_, i) => `${i} AS "column number ${i} of a thousand"`).join(", ")}`,
  long: "SELECT printf('%.*c', 900000, 'x')",
  odd: "SELECT char(27) || '[31m' || char(0) || '\uD83D', x'00ff', 1e999, 9007199254740993",
};
const hostile = Object.fromEntries(
  Object.entries(HOSTILE).flatMap(([name, query]) => [
    [`answer-${name}`, () => call("answer", query)],
    [`run-${name}`, () => call("run_sql", query)],
  ]),
);

describe("env-sql", () => {
  const options = { trainSize: 12, testSize: 6, seed: 1, processes: 2 };
  const laws = environmentLaws(sql, options, {
    nearMisses,
    hostile,
    samples: 1,
    stepTimeout: Duration.seconds(30),
  });
  registerLaws(laws, { timeoutMillis: 120_000 });
});
