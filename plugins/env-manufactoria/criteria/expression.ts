/** Regular expressions over colours as trees: their text, random members, and the automaton that their derivatives make. */
import type { Random } from "@resd/core";
import { COLOURS, type Colour, type Tape } from "../language/mod.ts";
import { type State, state, type Step } from "./automaton.ts";

/** Sequences of one element and alternatives of one are not made: the functions below keep trees in a normal form. */
export type Expression =
  | { readonly type: "colour"; readonly colour: Colour }
  | { readonly type: "sequence"; readonly items: ReadonlyArray<Expression> }
  | { readonly type: "either"; readonly items: ReadonlyArray<Expression> }
  | { readonly type: "star"; readonly item: Expression };

/** Only the empty tape. */
export const EMPTY: Expression = { type: "sequence", items: [] };
/** No tape at all. */
const NOTHING: Expression = { type: "either", items: [] };

export const colourOf = (colour: Colour): Expression => ({ type: "colour", colour });

export const sequenceOf = (items: ReadonlyArray<Expression>): Expression => {
  const flat = items.flatMap((item) => (item.type === "sequence" ? item.items : [item]));
  if (flat.some((item) => item.type === "either" && item.items.length === 0)) return NOTHING;
  return flat.length === 1 ? flat[0]! : { type: "sequence", items: flat };
};

/** Alternatives in the order of their text, each once: equal sets become equal trees. */
export const eitherOf = (items: ReadonlyArray<Expression>): Expression => {
  const flat = items.flatMap((item) => (item.type === "either" ? item.items : [item]));
  const distinct = new Map(flat.map((item) => [expressionText(item), item]));
  const sorted = [...distinct].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  return sorted.length === 1 ? sorted[0]! : { type: "either", items: sorted };
};

export const starOf = (item: Expression): Expression =>
  item.type === "star" ? item : { type: "star", item };

/** The expression as every regular expression engine reads it. */
export const expressionText = (expression: Expression): string => {
  const grouped = (item: Expression) =>
    item.type === "colour" ? item.colour : `(${expressionText(item)})`;
  switch (expression.type) {
    case "colour":
      return expression.colour;
    case "star":
      return `${grouped(expression.item)}*`;
    case "sequence":
      return expression.items
        .map((item) => (item.type === "either" ? grouped(item) : expressionText(item)))
        .join("");
    case "either":
      return expression.items.map(expressionText).join("|");
  }
};

const matchesEmpty = (expression: Expression): boolean => {
  switch (expression.type) {
    case "colour":
      return false;
    case "star":
      return true;
    case "sequence":
      return expression.items.every(matchesEmpty);
    case "either":
      return expression.items.some(matchesEmpty);
  }
};

/** What may follow a colour in tapes that match and begin with it (Brzozowski 1964). */
const derivative = (expression: Expression, colour: Colour): Expression => {
  switch (expression.type) {
    case "colour":
      return expression.colour === colour ? EMPTY : NOTHING;
    case "star":
      return sequenceOf([derivative(expression.item, colour), expression]);
    case "either":
      return eitherOf(expression.items.map((item) => derivative(item, colour)));
    case "sequence": {
      const [first, ...rest] = expression.items;
      if (first === undefined) return NOTHING;
      const taken = sequenceOf([derivative(first, colour), ...rest]);
      return matchesEmpty(first) ? eitherOf([taken, derivative(sequenceOf(rest), colour)]) : taken;
    }
  }
};

const isNothing = (expression: Expression): boolean =>
  expression.type === "either" && expression.items.length === 0;

/** One state for each distinct derivative, or undefined where there are more than `most`. */
export const automatonOf = (
  expression: Expression,
  most: number,
): ReadonlyArray<State> | undefined => {
  const found = new Map([[expressionText(expression), 0]]);
  const queue = [expression];
  const states: Array<State> = [];
  for (let current = queue[0]; current !== undefined; current = queue[states.length]) {
    const here = current;
    const next = (colour: Colour): Step => {
      const after = derivative(here, colour);
      if (isNothing(after)) return "reject";
      const text = expressionText(after);
      const known = found.get(text);
      if (known !== undefined) return known;
      found.set(text, queue.push(after) - 1);
      return queue.length - 1;
    };
    states.push(state(next, matchesEmpty(here)));
    if (queue.length > most) return undefined;
  }
  return states;
};

/** A tape that matches; stars repeat up to three times. */
export const randomMember = (random: Random, expression: Expression): Tape => {
  switch (expression.type) {
    case "colour":
      return expression.colour;
    case "star":
      return Array.from({ length: random.int(4) }, () =>
        randomMember(random, expression.item),
      ).join("");
    case "sequence":
      return expression.items.map((item) => randomMember(random, item)).join("");
    case "either":
      return randomMember(random, random.pick(expression.items));
  }
};

/** A random expression of at most `depth` operators above each other. */
export const randomExpression = (random: Random, depth: number): Expression => {
  const below = () => randomExpression(random, depth - 1);
  const kind = depth === 0 ? 0 : random.int(6);
  if (kind === 0) return colourOf(random.pick(COLOURS));
  if (kind <= 3) return sequenceOf(Array.from({ length: 2 + random.int(2) }, below));
  if (kind === 4) return eitherOf([below(), below()]);
  // A star over what may be empty says nothing more, and makes engines that backtrack slow.
  const item = below();
  return matchesEmpty(item) ? item : starOf(item);
};
