/**
 * What a perfect reader of a Kestrel attempt would write: the reflection, the tags that follow from it, and the
 * curator's reply, word by word in the compact format. Derived from what the model sees too (the plan's text, the
 * attempt, the feedback, the playbook), never from the hidden convention.
 */
import {
  type Line,
  OPERATIONS_OF,
  type Operation,
  type Program,
  applyOperation,
  groupOf,
  lineLabel,
  pairingText,
  parseProgram,
  plannedOperations,
} from "@resd/env-kestrel/language";
import { Result } from "effect";

/** An attempt as its reader sees it, each field as text of the compact format. */
export interface VisibleAttempt {
  readonly plan: string;
  readonly attempt: string;
  /** `pass`, `error 20:`, or `test x 4 want 0 screen got 8 screen trace 4 8 1 8`. */
  readonly feedback: string;
}

const WORDS = / +/;

/** The operations of the mnemonic's group that agree with what the line was seen to do. */
const fittingOperations = (
  line: Line,
  before: number,
  after: number,
  port: string,
): ReadonlyArray<Operation> => {
  const group = groupOf(line.mnemonic);
  return group === "port"
    ? OPERATIONS_OF.port.filter((operation) => operation === port)
    : OPERATIONS_OF[group].filter(
        (operation) => applyOperation(operation, before, line.argument) === after,
      );
};

/** A pairing that a reflection quotes, with what its verdict says about an entry of that text. */
export interface PairingTag {
  /** Such as `square is ROK`. */
  readonly pairing: string;
  readonly sign: "helpful" | "harmful";
}

/** A perfect reflection. */
export interface OracleReflection {
  readonly text: string;
  /** In line order. A line that is unclear but may be right says nothing. */
  readonly tags: ReadonlyArray<PairingTag>;
  /** The lesson, such as `double is PEF`; absent for `insight none`. */
  readonly insight?: string;
}

/** The reflection on a pass confirms every line, and teaches nothing new. */
const reflectOnPass = (program: Program, wanted: ReadonlyArray<Operation>): OracleReflection => ({
  text: [
    ...program.map((line, i) => `${lineLabel(i)} ${wanted[i] ?? "none"} ${line.mnemonic} ok`),
    "insight none",
  ].join(" "),
  tags: program.map((line, i) => ({
    pairing: pairingText(wanted[i] ?? "none", line.mnemonic),
    sign: "helpful",
  })),
});

/** One executed line, as the trace shows it. */
const readLine = (
  line: Line,
  want: Operation | undefined,
  before: number,
  after: number,
  port: string,
) => {
  const isPort = groupOf(line.mnemonic) === "port";
  const fitting = fittingOperations(line, before, after, port);
  return {
    mnemonic: line.mnemonic,
    pairing: pairingText(want ?? "none", line.mnemonic),
    observed: isPort
      ? []
      : [...(line.argument === undefined ? [] : [line.argument]), before, after],
    did: fitting.length === 1 ? fitting[0] : undefined,
    ok: want !== undefined && fitting.includes(want),
  };
};

const reflectOnFailure = (
  program: Program,
  wanted: ReadonlyArray<Operation>,
  trace: ReadonlyArray<number>,
  port: string,
): OracleReflection => {
  const readings = program.map((line, i) =>
    readLine(line, wanted[i], trace[i] ?? Number.NaN, trace[i + 1] ?? Number.NaN, port),
  );
  const clear = readings.filter((reading) => reading.did !== undefined);
  const lesson = clear.find((reading) => !reading.ok) ?? clear[0];
  const insight = lesson?.did === undefined ? undefined : pairingText(lesson.did, lesson.mnemonic);
  const verdicts = readings.map(({ mnemonic, observed, did, ok }, i) =>
    [
      lineLabel(i),
      wanted[i] ?? "none",
      mnemonic,
      ...observed,
      "did",
      did ?? "unclear",
      ok ? "ok" : "bad",
    ].join(" "),
  );
  const text = [...verdicts, `insight ${insight ?? "none"}`].join(" ");
  const tags = readings.flatMap(({ pairing, did, ok }): ReadonlyArray<PairingTag> => {
    if (!ok) return [{ pairing, sign: "harmful" }];
    return did === undefined ? [] : [{ pairing, sign: "helpful" }];
  });
  return insight === undefined ? { text, tags } : { text, tags, insight };
};

/**
 * The reflection on an attempt: one verdict for each executed line, then the insight.
 * Throws a TypeError when the three texts do not belong together, such as a trace for a program that cannot be read.
 */
export const reflect = ({ plan, attempt, feedback }: VisibleAttempt): OracleReflection => {
  const seen = feedback.split(WORDS);
  if (seen[0] === "error") return { text: `error ${seen[1]} insight none`, tags: [] };
  const wanted = plannedOperations(plan);
  const program = parseProgram(attempt);
  const traceAt = seen.indexOf("trace");
  if (Result.isSuccess(program)) {
    if (seen[0] === "pass") return reflectOnPass(program.success, wanted);
    if (seen[0] === "test" && traceAt > 0) {
      const port = seen[seen.indexOf("got") + 2] ?? "";
      return reflectOnFailure(program.success, wanted, seen.slice(traceAt + 1).map(Number), port);
    }
  }
  throw new TypeError(
    `Expected feedback that the bench gives to this attempt, got "${feedback}" for "${attempt}"`,
  );
};

/**
 * The curator's reply to an insight (`double is PEF`; undefined for none): what the playbook has for the operation, then
 * the operation that adds the insight if that is nothing, or `none`. An operation that has an entry is left alone, also
 * by an insight that contradicts it: a false entry has to be refuted by tags before another takes its place, and a false
 * insight cannot stand beside a true entry.
 */
export const curate = (playbook: ReadonlyArray<string>, insight: string | undefined): string => {
  if (insight === undefined) return "none";
  const [operation] = insight.split(WORDS);
  const known = playbook.flatMap((entry) => {
    const [of, , has] = entry.split(WORDS);
    return of === operation && has !== undefined ? [has] : [];
  });
  return known.length === 0
    ? `${operation} empty ADD ${insight}`
    : `${operation} ${known.join(" ")} none`;
};
