/** What a program is asked for, and what decides whether a tape satisfies it. */
import type { Random } from "@resd/core";
import { COLOURS, COLOUR_NAMES, type Colour, type Node, type Tape } from "../language/mod.ts";

/** The three families of the paper's task, and the other ones of its generator. */
export const HAS_FAMILIES = ["contains_substring", "contains_ordered", "contains_count"] as const;
export const OTHER_FAMILIES = [
  "append",
  "prepend",
  "exact",
  "starts_with",
  "ends_with",
  "regex",
  "numeric_comparison",
  "same_number_regex",
] as const;
export const FAMILIES = [...HAS_FAMILIES, ...OTHER_FAMILIES] as const;
export type FamilyName = (typeof FAMILIES)[number];

/** One property of tapes, or one change of them. Predicate and gold program know nothing of each other. */
export interface Criterion {
  readonly family: FamilyName;
  /** Unique in its family, such as `BRBR` or `R2G1`. */
  readonly id: string;
  /** The task in one or two sentences. */
  readonly sentence: string;
  /** Colours that its test tapes may have. */
  readonly alphabet: ReadonlyArray<Colour>;
  /** Whether the machine must end at the end. The only source of labels. */
  readonly accepts: (tape: Tape) => boolean;
  /** The tape that the machine must leave; absent where any will do. */
  readonly output?: (tape: Tape) => Tape;
  /** Tapes made for this property: those that have it and those that nearly do. */
  readonly tapes: (random: Random) => ReadonlyArray<Tape>;
  /** A program that satisfies it, built by a construction and not by search. */
  readonly gold: () => ReadonlyArray<Node>;
}

/** All sequences over some colours, shorter ones first. */
export const sequences = (
  colours: ReadonlyArray<Colour>,
  shortest: number,
  longest: number,
): ReadonlyArray<Tape> => {
  let last: ReadonlyArray<Tape> = [""];
  const all: Array<Tape> = [];
  for (let length = 1; length <= longest; length++) {
    last = last.flatMap((tape) => colours.map((colour) => tape + colour));
    if (length >= shortest) all.push(...last);
  }
  return all;
};

/** A sequence for people: its letters, then its colours in words. */
export const spelled = (tape: Tape): string =>
  `${tape} (${[...tape].map((colour) => COLOUR_NAMES[colour as Colour]).join(", ")})`;

/** The colours that a sequence does not have. */
export const otherColours = (tape: Tape): ReadonlyArray<Colour> =>
  COLOURS.filter((colour) => !tape.includes(colour));
