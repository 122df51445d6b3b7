/**
 * What a perfect reader of a Kestrel attempt would write: the reflection, the tags that follow from it, and the
 * curator's reply, word by word in the compact format. Derived from what the model sees too (the plan's text, the
 * attempt, the feedback, the playbook), never from the hidden convention.
 */
import {
  type Line,
  OPERATIONS_OF,
  type Operation,
  applyOperation,
  groupOf,
  isMnemonic,
  isOperation,
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

/**
 * The reflection on an attempt: one verdict for each executed line, then the insight.
 * Throws a TypeError when the three texts do not belong together, such as a trace for a program that cannot be read.
 */
export const reflect = ({ plan, attempt, feedback }: VisibleAttempt): string => {
  const seen = feedback.split(WORDS);
  if (seen[0] === "error") return `error ${seen[1]} insight none`;
  const wanted = plannedOperations(plan);
  const parsed = parseProgram(attempt);
  const traceAt = seen.indexOf("trace");
  if (Result.isFailure(parsed) || (seen[0] !== "pass" && (seen[0] !== "test" || traceAt < 0))) {
    throw new TypeError(
      `Expected feedback that the bench gives to this attempt, got "${feedback}" for "${attempt}"`,
    );
  }
  const program = parsed.success;
  if (seen[0] === "pass") {
    const verdicts = program.map(
      (line, i) => `${lineLabel(i)} ${wanted[i] ?? "none"} ${line.mnemonic} ok`,
    );
    return `${verdicts.join(" ")} insight none`;
  }
  const trace = seen.slice(traceAt + 1).map(Number);
  const port = seen[seen.indexOf("got") + 2] ?? "";
  const readings = program.map((line, i) => {
    const before = trace[i] ?? Number.NaN;
    const after = trace[i + 1] ?? Number.NaN;
    const fitting = fittingOperations(line, before, after, port);
    const want = wanted[i];
    const observed =
      groupOf(line.mnemonic) === "port"
        ? []
        : [...(line.argument === undefined ? [] : [line.argument]), before, after];
    return {
      mnemonic: line.mnemonic,
      want: want ?? "none",
      did: fitting.length === 1 ? fitting[0] : undefined,
      ok: want !== undefined && fitting.includes(want),
      start: [lineLabel(i), want ?? "none", line.mnemonic, ...observed].join(" "),
    };
  });
  const lesson =
    readings.find((reading) => !reading.ok && reading.did !== undefined) ??
    readings.find((reading) => reading.ok && reading.did !== undefined);
  return [
    ...readings.map(
      ({ start, did, ok }) => `${start} did ${did ?? "unclear"} ${ok ? "ok" : "bad"}`,
    ),
    `insight ${lesson?.did === undefined ? "none" : pairingText(lesson.did, lesson.mnemonic)}`,
  ].join(" ");
};

/** A pairing that a reflection quotes with what its verdict says about it. */
export interface PairingTag {
  /** The text of the entry that is meant, such as `square is ROK`. */
  readonly pairing: string;
  readonly sign: "helpful" | "harmful";
}

/** A reflection read back. */
export interface ReadReflection {
  readonly tags: ReadonlyArray<PairingTag>;
  /** The lesson, such as `double is PEF`; absent for `insight none` and for text that does not end in an insight. */
  readonly insight?: string;
}

const LABEL = /^\d+:$/;

/** The tag of one verdict; undefined where it says nothing, is not a verdict, or contradicts what it quotes. */
const tagOf = (words: ReadonlyArray<string>): PairingTag | undefined => {
  const [, want, mnemonic] = words;
  if (!isOperation(want) || !isMnemonic(mnemonic)) return undefined;
  const verdict = words.at(-1);
  const short = words.length === 4;
  const did = words.at(-2);
  if (!short && (words.at(-3) !== "did" || did === undefined)) return undefined;
  const known = short || did !== "unclear";
  const same = short || did === want;
  const pairing = pairingText(want, mnemonic);
  if (verdict === "ok") return known && same ? { pairing, sign: "helpful" } : undefined;
  if (verdict === "bad") return known && same ? undefined : { pairing, sign: "harmful" };
  return undefined;
};

/** Reads a reflection, the oracle's or a model's. Total: what is malformed yields no tags and no insight. */
export const readReflection = (reflection: string): ReadReflection => {
  const words = reflection.split(WORDS);
  const at = words.lastIndexOf("insight");
  const body = at < 0 ? words : words.slice(0, at);
  const starts = body.flatMap((word, i) => (LABEL.test(word) ? [i] : []));
  const tags = starts.flatMap((start, k) => tagOf(body.slice(start, starts[k + 1])) ?? []);
  const [operation, is, mnemonic, ...rest] = at < 0 ? [] : words.slice(at + 1);
  return isOperation(operation) && is === "is" && isMnemonic(mnemonic) && rest.length === 0
    ? { tags, insight: pairingText(operation, mnemonic) }
    : { tags };
};

/**
 * The curator's reply to an insight (`double is PEF`; undefined for none): what the playbook has for the operation, then
 * `none` if the insight is among it, or the operation that adds it.
 */
export const curate = (playbook: ReadonlyArray<string>, insight: string | undefined): string => {
  if (insight === undefined) return "none";
  const [operation, , mnemonic] = insight.split(WORDS);
  const known = playbook.flatMap((entry) => {
    const [of, , has] = entry.split(WORDS);
    return of === operation && has !== undefined ? [has] : [];
  });
  const listed = known.length === 0 ? "empty" : known.join(" ");
  const change = mnemonic !== undefined && known.includes(mnemonic) ? "none" : `ADD ${insight}`;
  return `${operation} ${listed} ${change}`;
};
