/** What a failure is told: which tapes are shown, and what the machine did with them. */
import { quote, renderFeedback, type StepResult, type TestCase } from "@resd/core";
import { haltReason, type Program, type Run } from "./language/mod.ts";
import type { Verdict } from "./verify.ts";

/** Length of all feedback on one answer, in UTF-16 units. */
export const MAX_CHARS = 2000;
const MAX_CASES = 2;
const MAX_INPUT = 250;
const MAX_TAPE = 100;
const MAX_MESSAGE = 120;
const MAX_LINES = 10;
const MAX_LINE = 300;
const MAX_VISITED = 15;

const shownTape = (tape: string, most = MAX_TAPE): string => quote(tape, most) || "(empty)";

const withType = (program: Program, id: string): string => {
  const type = program.get(id)?.type;
  return type === undefined ? id : `${id} (${type})`;
};

const visited = ({ path }: Run): ReadonlyArray<string> => {
  const omitted = Math.max(0, path.length - MAX_VISITED);
  const walk = `steps ${omitted + 1} to ${path.length}: ${path.slice(omitted).join(" → ")}`;
  return omitted === 0 ? [walk] : [`(${omitted} earlier steps)`, walk];
};

const front = (run: Run): string => `front of the tape: ${run.tape[0] ?? "(empty)"}`;

/** The walk of a run, as far as it explains how it stopped. */
const trace = (program: Program, run: Run): ReadonlyArray<string> => {
  if (run.halt === "limit") {
    return [
      `stuck at ${withType(program, run.path.at(-1) ?? "")}`,
      front(run),
      `tape: ${shownTape(run.tape)}`,
    ];
  }
  if (run.halt !== "none") return visited(run);
  const router = program.get(run.path.at(-2) ?? "");
  const on = router !== undefined && "routes" in router ? ` on ${run.found}` : "";
  return [
    ...visited(run),
    `${withType(program, run.path.at(-2) ?? "")} routed to NONE${on}`,
    front(run),
  ];
};

/** At most 10 lines of 300 characters, and no more than `room` in all; what is left out is counted. */
const debugText = (lines: ReadonlyArray<string>, room: number): string | undefined => {
  const kept: Array<string> = [];
  let length = 0;
  for (const line of lines.slice(0, MAX_LINES).map((whole) => quote(whole, MAX_LINE))) {
    length += line.length + 1;
    if (length > room) break;
    kept.push(line);
  }
  const omitted = lines.length - kept.length;
  if (omitted > 0) kept.push(`(${omitted} more lines)`);
  return length > room && kept.length === 1 ? undefined : kept.join("\n");
};

const caseOf = ({ test, run, passed }: Verdict, index: number): TestCase => {
  const output = test.output === undefined ? "" : `, leaving ${shownTape(test.output)}`;
  const reason = haltReason(run);
  return {
    id: String(index + 1),
    visibility: "public",
    // A tape that should have been accepted and was not is an error of the run, whatever stopped it.
    status: passed ? "passed" : reason === undefined ? "failed" : "error",
    input: shownTape(test.input, MAX_INPUT),
    expected: test.accepted ? `accepted${output}` : "rejected",
    actual: `${run.halt === "end" ? "accepted" : "rejected"}, leaving ${shownTape(run.tape)}`,
    ...(reason === undefined ? {} : { message: quote(reason, MAX_MESSAGE) }),
  };
};

/** The first error if there is one, else the two failures with the least to read. */
const chosenCases = (
  verdicts: ReadonlyArray<Verdict>,
  tests: ReadonlyArray<TestCase>,
): ReadonlyArray<number> => {
  const firstError = tests.findIndex(({ status }) => status === "error");
  if (firstError >= 0) return [firstError];
  const length = (index: number) =>
    verdicts[index]!.test.input.length + verdicts[index]!.run.tape.length;
  return [...tests.keys()]
    .filter((index) => tests[index]!.status === "failed")
    .toSorted((a, b) => length(a) - length(b))
    .slice(0, MAX_CASES);
};

/** A label, a line break and a count of lines left out, for each case. */
const DEBUG_FRAME = 32;

/**
 * The tests of an answer, and which of them to show. Only shown ones carry the walk of the machine, shortened until all
 * of it, remarks included, fits `MAX_CHARS`.
 */
export const testCases = (
  program: Program,
  verdicts: ReadonlyArray<Verdict>,
  remarks: Pick<StepResult, "feedback">,
): Pick<StepResult, "tests" | "cases"> => {
  const tests = verdicts.map(caseOf);
  const shown = chosenCases(verdicts, tests);
  const cases = shown.map((index) => tests[index]!.id);
  const bare: StepResult = {
    observation: [],
    status: "terminated",
    reward: 0,
    parse: "ok",
    tests,
    cases,
    ...remarks,
  };
  const used = renderFeedback(bare, { maxCases: MAX_CASES, maxChars: Number.MAX_SAFE_INTEGER });
  const room = Math.floor((MAX_CHARS - used.length) / Math.max(1, shown.length)) - DEBUG_FRAME;
  const debugged = tests.map((test, index): TestCase => {
    const debug = shown.includes(index)
      ? debugText(trace(program, verdicts[index]!.run), room)
      : undefined;
    return debug === undefined ? test : { ...test, debug };
  });
  return { tests: debugged, cases };
};
