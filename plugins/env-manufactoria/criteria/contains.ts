/** The paper's task: tapes that contain a sequence in one piece, a sequence with gaps, or enough of some colours. */
import { COLOURS, COLOUR_NAMES, type Colour, type Tape } from "../language/mod.ts";
import { automatonProgram, matchTable, type State, state, type Step } from "./automaton.ts";
import { type Criterion, sequences, spelled } from "./criterion.ts";
import { nearPattern, noise, padding, reordered, withPattern } from "./tape_recipe.ts";

/** Has the pattern in one piece. 340 criteria. */
export const containsSubstring = (): ReadonlyArray<Criterion> =>
  sequences(COLOURS, 1, 4).map((pattern) => ({
    family: "contains_substring",
    id: pattern,
    sentence: `Accept exactly the tapes that contain the sequence ${spelled(pattern)} in one piece, with nothing between its symbols.`,
    alphabet: COLOURS,
    accepts: (tape) => tape.includes(pattern),
    tapes: (random) => [...withPattern(random, pattern), ...nearPattern(random, pattern)],
    gold: () =>
      automatonProgram(
        matchTable(pattern)
          .slice(0, -1)
          .map((row) =>
            state(
              (colour): Step => (row[colour] === pattern.length ? "accept" : row[colour]),
              false,
            ),
          ),
      ),
  }));

const hasInOrder = (tape: Tape, pattern: Tape): boolean => {
  let at = -1;
  return [...pattern].every((symbol) => (at = tape.indexOf(symbol, at + 1)) >= 0);
};

/** Has the pattern's symbols in order. 340 criteria. */
export const containsOrdered = (): ReadonlyArray<Criterion> =>
  sequences(COLOURS, 1, 4).map((pattern) => ({
    family: "contains_ordered",
    id: pattern,
    sentence: `Accept exactly the tapes that contain the symbols of ${spelled(pattern)} in this order; other symbols may stand between them.`,
    alphabet: COLOURS,
    accepts: (tape) => hasInOrder(tape, pattern),
    tapes: (random) => [...withPattern(random, pattern), ...nearPattern(random, pattern)],
    gold: () =>
      automatonProgram(
        [...pattern].map((symbol, i) => {
          const next: Step = i + 1 === pattern.length ? "accept" : i + 1;
          return state((colour) => (colour === symbol ? next : i), false);
        }),
      ),
  }));

/** How many of each colour are wanted; 0 for any number. */
type Counts = Readonly<Record<Colour, number>>;

/** Every way of wanting 0 to 6 of each colour. */
const countVectors: ReadonlyArray<Counts> = COLOURS.reduce<ReadonlyArray<Counts>>(
  (vectors, colour) =>
    vectors.flatMap((counts) =>
      Array.from({ length: 7 }, (_, count) => ({ ...counts, [colour]: count })),
    ),
  [{ R: 0, B: 0, Y: 0, G: 0 }],
);

const wantedOf = (counts: Counts): ReadonlyArray<Colour> =>
  COLOURS.filter((colour) => counts[colour] > 0);

/** Counts of 1 to 3 colours whose sum is at most 6, fewer colours first: 24 + 90 + 80 of them. */
const allCounts: ReadonlyArray<Counts> = [1, 2, 3].flatMap((size) =>
  countVectors.filter(
    (counts) =>
      wantedOf(counts).length === size &&
      COLOURS.reduce((sum, colour) => sum + counts[colour], 0) <= 6,
  ),
);

const repeat = (counts: Counts): Tape =>
  COLOURS.map((colour) => colour.repeat(counts[colour])).join("");

const countSentence = (counts: Counts): string => {
  const parts = wantedOf(counts).map(
    (colour) => `at least ${counts[colour]} ${COLOUR_NAMES[colour]} (${colour})`,
  );
  return `Accept exactly the tapes that contain ${parts.join(" and ")}, in any order and anywhere.`;
};

/** A state for every way of having seen fewer than all: the product of one counter a colour. */
const counterStates = (counts: Counts): ReadonlyArray<State> => {
  const seenOf = (index: number): Counts => {
    let rest = index;
    const seen = { R: 0, B: 0, Y: 0, G: 0 };
    for (const colour of COLOURS) {
      seen[colour] = rest % (counts[colour] + 1);
      rest = Math.floor(rest / (counts[colour] + 1));
    }
    return seen;
  };
  const size = COLOURS.reduce((product, colour) => product * (counts[colour] + 1), 1);
  // The last of the mixed-radix numbers is the one in which every counter is full.
  return Array.from({ length: size - 1 }, (_, index) => {
    const seen = seenOf(index);
    return state((colour): Step => {
      if (seen[colour] === counts[colour]) return index;
      const weight = COLOURS.slice(0, COLOURS.indexOf(colour)).reduce(
        (product, earlier) => product * (counts[earlier] + 1),
        1,
      );
      return index + weight === size - 1 ? "accept" : index + weight;
    }, false);
  });
};

/** Has at least so many of each colour. 194 criteria. */
export const containsCount = (): ReadonlyArray<Criterion> =>
  allCounts.map((counts) => {
    const wanted = wantedOf(counts);
    const others = COLOURS.filter((colour) => counts[colour] === 0);
    const exact = repeat(counts);
    /** The counts with one colour changed. */
    const but = (colour: Colour, count: number): Tape => repeat({ ...counts, [colour]: count });
    return {
      family: "contains_count",
      id: wanted.map((colour) => `${colour}${counts[colour]}`).join(""),
      sentence: countSentence(counts),
      alphabet: COLOURS,
      accepts: (tape) =>
        wanted.every(
          (colour) => [...tape].filter((symbol) => symbol === colour).length >= counts[colour],
        ),
      tapes: (random) => {
        const mixed = (tape: Tape, extra: Tape = "") => reordered(random, tape + extra);
        const quiet = () => noise(random, 1, 8, others);
        return [
          exact,
          mixed(exact),
          padding(random) + mixed(exact),
          mixed(exact) + padding(random),
          padding(random) + exact + padding(random),
          mixed(exact, exact),
          mixed(exact, noise(random, 12 - exact.length, 18 - exact.length)),
          mixed(exact, quiet()),
          ...wanted.map((colour) => mixed(but(colour, counts[colour] - 1), quiet())),
          ...wanted.map((colour) => mixed(but(colour, 0), quiet())),
          mixed(wanted.map((colour) => colour.repeat(counts[colour] - 1)).join(""), quiet()),
          quiet(),
        ];
      },
      gold: () => automatonProgram(counterStates(counts)),
    };
  });
