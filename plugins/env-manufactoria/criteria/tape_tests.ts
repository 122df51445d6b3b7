/** The tests of a criterion: at most 35 tapes with the label that its predicate gives them. */
import { makeRandom, type Random } from "@resd/core";
import { Schema } from "effect";
import type { Tape } from "../language/mod.ts";
import { type Criterion, sequences } from "./criterion.ts";
import { noise } from "./tape_recipe.ts";

/** One tape, whether the machine must end at the end with it, and what it must leave if that counts. */
export const TapeTest = Schema.Struct({
  input: Schema.String,
  accepted: Schema.Boolean,
  /** A tape, or a pattern that the whole tape must match where it has one of `.+*?|()`. */
  output: Schema.optionalKey(Schema.String),
});
export type TapeTest = typeof TapeTest.Type;

export const MAX_TESTS = 35;
const LEAST_OF_EACH_LABEL = 3;
const MAX_ATTEMPTS = 50;

/** Short tapes that every criterion's random picks come from, beside those of its own colours. */
const FAMILIAR: ReadonlyArray<Tape> = ["RB", "BR", "RBR", "BRB", "RRB", "BBR"];

const tapesOf = (criterion: Criterion, random: Random): ReadonlySet<Tape> => {
  const [first, second] = criterion.alphabet;
  const pool = ["", ...sequences(criterion.alphabet, 1, 2), ...FAMILIAR];
  const tapes = new Set<Tape>([
    "",
    first!,
    `${first}${second}`,
    ...Array.from({ length: 5 }, () => random.pick(pool)),
    ...criterion.tapes(random),
  ]);
  const lacking = (accepted: boolean) =>
    [...tapes].filter((tape) => criterion.accepts(tape) === accepted).length < LEAST_OF_EACH_LABEL;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const accepted = lacking(true);
    if (!accepted && !lacking(false)) break;
    const longest = Math.min(2 + Math.floor(attempt / 10), 12);
    const tape = noise(random, 1, longest, criterion.alphabet);
    if (criterion.accepts(tape) === accepted) tapes.add(tape);
  }
  return tapes;
};

/** The tests of a criterion: the same ones in every process. */
export const tapeTests = (criterion: Criterion): ReadonlyArray<TapeTest> => {
  const random = makeRandom("manufactoria", "tests", criterion.family, criterion.id);
  return [...tapesOf(criterion, random)].slice(0, MAX_TESTS).map((input) => ({
    input,
    accepted: criterion.accepts(input),
    ...(criterion.output === undefined ? {} : { output: criterion.output(input) }),
  }));
};
