/**
 * What a trace proves: which operation each executed line performed, whether that was the one it was meant for, and the
 * lesson that follows. In the words of reflections and playbook entries, and never from the hidden convention.
 */
import { pairingText } from "./convention.ts";
import { OPERATIONS_OF, type Operation, applyOperation, groupOf } from "./operations.ts";
import { lineLabel } from "./plan.ts";
import type { Line, Program } from "./program.ts";

/** A pairing that a diagnosis speaks of, such as `square is ROK`, and whether it is right. */
export interface PairingVerdict {
  readonly pairing: string;
  readonly sign: "helpful" | "harmful";
}

/** What there is to say about an attempt. */
export interface Diagnosis {
  readonly text: string;
  /** In line order. A line that is unclear but may be right says nothing. */
  readonly tags: ReadonlyArray<PairingVerdict>;
  /** The lesson, such as `double is PEF`; absent where the trace proves none. */
  readonly insight?: string;
}

/** What a bench saw of a program. */
export interface Observation {
  /** The digit before each instruction, and at the end. */
  readonly trace: ReadonlyArray<number>;
  /** Where it arrived. */
  readonly port: string;
}

/** A pass confirms every line, and teaches nothing new. */
export const confirmProgram = (program: Program, wanted: ReadonlyArray<Operation>): Diagnosis => ({
  text: [
    ...program.map((line, i) => `${lineLabel(i)} ${wanted[i] ?? "none"} ${line.mnemonic} ok`),
    "insight none",
  ].join(" "),
  tags: program.map((line, i) => ({
    pairing: pairingText(wanted[i] ?? "none", line.mnemonic),
    sign: "helpful",
  })),
});

/** A program that cannot be read teaches nothing but the line where reading stopped, such as `20:`. */
export const unreadable = (line: string): Diagnosis => ({
  text: `error ${line} insight none`,
  tags: [],
});

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

/** A failed program: one verdict for each line, then the lesson of the first bad line that is clear, or else of a good one. */
export const diagnoseProgram = (
  program: Program,
  wanted: ReadonlyArray<Operation>,
  { trace, port }: Observation,
): Diagnosis => {
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
  const tags = readings.flatMap(({ pairing, did, ok }): ReadonlyArray<PairingVerdict> => {
    if (!ok) return [{ pairing, sign: "harmful" }];
    return did === undefined ? [] : [{ pairing, sign: "helpful" }];
  });
  return insight === undefined ? { text, tags } : { text, tags, insight };
};
