/** Pieces of test tapes: noise, and what can be done to a pattern so that it stays, breaks, or nearly breaks. */
import type { Random } from "@resd/core";
import { COLOURS, type Colour, type Tape } from "../language/mod.ts";
import { otherColours } from "./criterion.ts";

/** `shortest` to `longest` random colours. */
export const noise = (
  random: Random,
  shortest: number,
  longest: number,
  colours: ReadonlyArray<Colour> = COLOURS,
): Tape =>
  Array.from({ length: shortest + random.int(longest - shortest + 1) }, () =>
    random.pick(colours),
  ).join("");

/** What is put around a pattern. */
export const padding = (random: Random): Tape => noise(random, 1, 8);

/** A pattern somewhere in 12 to 18 colours, as one piece. */
export const insideNoise = (random: Random, pattern: Tape): Tape => {
  const rest = noise(random, 12 - pattern.length, 18 - pattern.length);
  const cut = random.int(rest.length + 1);
  return rest.slice(0, cut) + pattern + rest.slice(cut);
};

/** The symbols of a pattern in order, each with `least` to `most` colours of noise after it except the last. */
export const spreadOut = (random: Random, pattern: Tape, least: number, most: number): Tape =>
  [...pattern]
    .map((symbol, i) => (i === pattern.length - 1 ? symbol : symbol + noise(random, least, most)))
    .join("");

/** A pattern followed by itself, sharing the longest end that is also a beginning (nothing, where there is none). */
export const overlapped = (pattern: Tape): Tape => {
  let shared = pattern.length - 1;
  while (!pattern.endsWith(pattern.slice(0, shared))) shared--;
  return pattern + pattern.slice(shared);
};

/** The same symbols in another order, if chance has it. */
export const reordered = (random: Random, pattern: Tape): Tape =>
  random.shuffle([...pattern]).join("");

const reversed = (pattern: Tape): Tape => [...pattern].toReversed().join("");

/** Tapes that have the pattern in one piece. */
export const withPattern = (random: Random, pattern: Tape): ReadonlyArray<Tape> => [
  pattern,
  padding(random) + pattern,
  pattern + padding(random),
  padding(random) + pattern + padding(random),
  pattern + padding(random) + pattern,
  overlapped(pattern),
  insideNoise(random, pattern),
];

/** Tapes that nearly have the pattern; some have it all the same. */
export const nearPattern = (random: Random, pattern: Tape): ReadonlyArray<Tape> => {
  const middle = Math.ceil(pattern.length / 2);
  const others = otherColours(pattern);
  return [
    spreadOut(random, pattern, 1, 1),
    ...Array.from(
      { length: pattern.length - 1 },
      (_, i) => padding(random) + pattern.slice(0, i + 1) + padding(random),
    ),
    reversed(pattern),
    reordered(random, pattern),
    pattern.slice(0, middle) + random.pick(COLOURS) + pattern.slice(middle),
    ...(others.length > 0 ? [noise(random, 4, 12, others)] : []),
    spreadOut(random, pattern, 1, 3),
  ];
};
