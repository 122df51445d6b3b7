/** Attempts for the pretraining documents: programs of a writer who knows a part of the convention. */
import type { Random } from "@resd/core";
import {
  ARGUMENTS,
  type Convention,
  MAX_LINES,
  MNEMONICS,
  OPERATIONS,
  type Plan,
  caseTexts,
  goldProgram,
  lineLabel,
  mnemonicsFor,
  parseProgram,
  programText,
  runBench,
} from "@resd/env-kestrel/language";
import { Result } from "effect";

export type Words = ReadonlyArray<string>;

/** The bench's protocol for a program's text, as the compact format words it. */
export const feedbackOf = (plan: Plan, attempt: string, convention: Convention): string => {
  const program = parseProgram(attempt);
  if (Result.isFailure(program)) return `error ${program.failure.line}`;
  const failing = runBench(plan, program.success, convention).find((one) => !one.passed);
  if (failing === undefined) return "pass";
  const { input, expected, actual, debug } = caseTexts(failing);
  return `test ${input} want ${expected} got ${actual} ${debug}`;
};

/** The words of the program that is right. */
export const goldWords = (plan: Plan, convention: Convention): Words =>
  programText(goldProgram(plan, convention)).split(" ");

/** Slips of the pen: what a policy gets wrong about syntax, or about the length of a plan. */
const corrupt = (random: Random, words: Words): Words => {
  const at = random.int(words.length);
  const any = random.pick<string>([
    ...MNEMONICS,
    ...OPERATIONS,
    ...ARGUMENTS.map(String),
    lineLabel(random.int(4)),
  ]);
  switch (random.int(5)) {
    case 0:
      return words.toSpliced(at, 1);
    case 1:
      return words.with(at, any);
    case 2:
      return words.toSpliced(at, 0, any);
    case 3:
      return words.slice(0, at);
    default:
      return changeLength(random, words);
  }
};

/** A line written twice, or lost where there is no room for a further one: it can be read, but has another length. */
const changeLength = (random: Random, words: Words): Words => {
  const lines = words
    .join(" ")
    .split(/ ?\d0: /)
    .slice(1);
  const at = random.int(lines.length - 1);
  const changed =
    lines.length < MAX_LINES ? lines.toSpliced(at, 0, lines[at] ?? "") : lines.toSpliced(at, 1);
  return changed.flatMap((line, i) => [lineLabel(i), ...line.split(" ")]);
};

/**
 * A program for the plan in which each mnemonic is right with probability `right` and otherwise one of the three wrong
 * ones of its group; with probability `slips` a word is lost, changed or added.
 */
export const drawAttempt = (
  random: Random,
  plan: Plan,
  convention: Convention,
  right: number,
  slips: number,
): Words => {
  const program = goldProgram(plan, convention).map((line) =>
    random.next() < right
      ? line
      : {
          ...line,
          mnemonic: random.pick(
            mnemonicsFor(line.comment).filter((mnemonic) => mnemonic !== line.mnemonic),
          ),
        },
  );
  const words = programText(program).split(" ");
  return random.next() < slips ? corrupt(random, words) : words;
};

const SLIPS = 0.04;
const MAX_TRIES = 30;

/** An attempt with what the bench said to it. */
export interface Tried {
  readonly attempt: Words;
  readonly feedback: Words;
}

const tried = (plan: Plan, attempt: Words, convention: Convention): Tried => ({
  attempt,
  feedback: feedbackOf(plan, attempt.join(" "), convention).split(" "),
});

/** An attempt that fails, by a writer who knows a uniformly drawn share of the convention. */
export const drawFailure = (random: Random, plan: Plan, convention: Convention): Tried => {
  let right = 0.1 + 0.9 * random.next();
  for (;;) {
    const draw = tried(plan, drawAttempt(random, plan, convention, right, SLIPS), convention);
    if (draw.feedback[0] !== "pass") return draw;
    right *= 0.7;
  }
};

/** An attempt that passes: the right program, or now and then a wrong one that is lucky on all inputs. */
export const drawSuccess = (random: Random, plan: Plan, convention: Convention): Tried => {
  const right = random.pick([1, 1, 0.7, 0.5]);
  for (let i = 0; i < MAX_TRIES; i++) {
    const draw = tried(plan, drawAttempt(random, plan, convention, right, 0), convention);
    if (draw.feedback[0] === "pass") return draw;
  }
  return tried(plan, goldWords(plan, convention), convention);
};
