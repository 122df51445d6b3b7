/** Tapes that match a regular expression from front to back. */
import { makeRandom, type Random } from "@resd/core";
import { COLOURS, type Tape } from "../language/mod.ts";
import { automatonProgram } from "./automaton.ts";
import type { Criterion } from "./criterion.ts";
import {
  automatonOf,
  type Expression,
  expressionText,
  randomExpression,
  randomMember,
} from "./expression.ts";
import { noise } from "./tape_recipe.ts";

const COUNT = 160;
const MAX_STATES = 10;
const LONGEST = 18;

/** The first 160 distinct expressions of a fixed seed with a star, 3 to 10 states and a short text. */
const expressions = (): ReadonlyArray<Expression> => {
  const random = makeRandom("manufactoria", "regex", 42);
  const found = new Map<string, Expression>();
  while (found.size < COUNT) {
    const expression = randomExpression(random, 3);
    const text = expressionText(expression);
    const states = text.length > 24 ? undefined : automatonOf(expression, MAX_STATES);
    if (text.includes("*") && states !== undefined && states.length >= 3)
      found.set(text, expression);
  }
  return [...found.values()];
};

/** A tape with one symbol taken out, put in, or replaced. */
const edited = (random: Random, tape: Tape): Tape => {
  const at = random.int(tape.length + 1);
  const kind = random.int(3);
  return (
    tape.slice(0, at) +
    (kind === 0 ? "" : random.pick(COLOURS)) +
    tape.slice(kind === 1 ? at : at + 1)
  );
};

const tapesOf =
  (expression: Expression) =>
  (random: Random): ReadonlyArray<Tape> => {
    const members = Array.from({ length: 10 }, () => randomMember(random, expression));
    return [
      ...members,
      ...members.map((member) => edited(random, member)),
      noise(random, 1, 4),
      noise(random, 12, LONGEST),
    ].filter((tape) => tape.length <= LONGEST);
  };

/** Matches an expression. 160 criteria. The labels are a regular expression engine's, the gold program is our own. */
export const regex = (): ReadonlyArray<Criterion> =>
  expressions().map((expression) => {
    const text = expressionText(expression);
    const engine = new RegExp(`^(?:${text})$`);
    return {
      family: "regex",
      id: text,
      sentence: `Accept exactly the tapes that match the regular expression ${text} from front to back. (* repeats what stands before it any number of times, | is a choice, parentheses group.)`,
      alphabet: COLOURS,
      accepts: (tape) => engine.test(tape),
      tapes: tapesOf(expression),
      gold: () => automatonProgram(automatonOf(expression, MAX_STATES) ?? []),
    };
  });
