/** Assembler programs: what the agent writes. Reading one is total: any text gives a program or an error with a line. */
import { quote } from "@resd/core";
import { Result, Schema } from "effect";
import type { Convention } from "./convention.ts";
import {
  ARGUMENTS,
  type Argument,
  type Mnemonic,
  type Operation,
  groupOf,
  isMnemonic,
  isOperation,
  takesArgument,
} from "./operations.ts";
import { MAX_LINES, type Plan, lineLabel } from "./plan.ts";

/**
 * One line, such as `20: subtract MIP 3`. The operation is a comment on what the writer means; the chip obeys the
 * mnemonic alone.
 */
export interface Line {
  readonly comment: Operation;
  readonly mnemonic: Mnemonic;
  readonly argument?: Argument;
}

/** Lines of which the last one, and only that, has a port's mnemonic. */
export type Program = ReadonlyArray<Line>;

/** The first thing wrong with a program's text. */
export class ProgramError extends Schema.TaggedError<ProgramError>()("ProgramError", {
  /** The label of the line, such as `20:`. */
  line: Schema.String,
  message: Schema.String,
}) {}

/** The program as text, lines one after another. */
export const programText = (program: Program): string =>
  program
    .map((line, i) =>
      [
        lineLabel(i),
        line.comment,
        line.mnemonic,
        ...(line.argument === undefined ? [] : [line.argument]),
      ].join(" "),
    )
    .join(" ");

/** The program that does exactly what the plan says on a chip of this convention. */
export const goldProgram = (plan: Plan, convention: Convention): Program =>
  plan.steps.map(({ operation, ...argument }) => ({
    comment: operation,
    mnemonic: convention.mnemonicOf[operation],
    ...argument,
  }));

/** Longer texts are wrong whatever their words are, so no more than this is split. */
const MAX_WORDS = MAX_LINES * 4 + 1;
const MAX_QUOTED = 16;
const argumentOf: ReadonlyMap<string, Argument> = new Map(
  ARGUMENTS.map((argument) => [String(argument), argument]),
);

/**
 * Reads a program. Lines come in order as `10:`, `20:` …; each has an operation as its comment, a mnemonic, and one of
 * the chip's constants exactly if the mnemonic's group takes one. The first mnemonic of a port ends the program, and
 * nothing may follow. White space of any kind separates words.
 */
export const parseProgram = (text: string): Result.Result<Program, ProgramError> => {
  const words = text.trimStart().split(/\s+/, MAX_WORDS);
  if (words.at(-1) === "") words.pop();
  const lines: Array<Line> = [];
  let at = 0;
  const fail = (expected: string) => {
    const word = words[at];
    const got = word === undefined ? "the end" : `"${quote(word, MAX_QUOTED)}"`;
    return Result.fail(
      new ProgramError({
        line: lineLabel(Math.min(lines.length, MAX_LINES - 1)),
        message: `Expected ${expected}, got ${got}, at word ${at + 1}`,
      }),
    );
  };
  while (lines.length < MAX_LINES) {
    const label = lineLabel(lines.length);
    if (words[at] !== label) return fail(`the line number ${label}`);
    const comment = words[++at];
    if (!isOperation(comment)) return fail("an operation");
    const mnemonic = words[++at];
    if (!isMnemonic(mnemonic)) return fail("a mnemonic");
    at++;
    const kind = groupOf(mnemonic);
    if (takesArgument(kind)) {
      const argument = argumentOf.get(words[at] ?? "");
      if (argument === undefined) return fail(`one of ${ARGUMENTS.join(", ")} after ${mnemonic}`);
      lines.push({ comment, mnemonic, argument });
      at++;
      continue;
    }
    if (kind === "port") {
      if (at < words.length) return fail(`nothing after the port ${mnemonic}`);
      return Result.succeed([...lines, { comment, mnemonic }]);
    }
    lines.push({ comment, mnemonic });
  }
  return fail(`a port by line ${lineLabel(MAX_LINES - 1)}`);
};
