/** Tapes that are, begin with, or end with a sequence. */
import { COLOURS } from "../language/mod.ts";
import { automatonProgram, matchTable, state, type Step } from "./automaton.ts";
import { type Criterion, sequences, spelled } from "./criterion.ts";
import { nearPattern, padding, withPattern } from "./tape_recipe.ts";

const PATTERNS = sequences(COLOURS, 1, 4);

/** States that read a pattern from the front of the tape, one a symbol; `last` is what follows it. */
const chain = (pattern: string, last: Step) =>
  [...pattern].map((symbol, i) =>
    state((colour): Step => {
      if (colour !== symbol) return "reject";
      return i + 1 === pattern.length ? last : i + 1;
    }, false),
  );

/** Is the pattern. 340 criteria. */
export const exact = (): ReadonlyArray<Criterion> =>
  PATTERNS.map((pattern) => ({
    family: "exact",
    id: pattern,
    sentence: `Accept exactly the tape ${spelled(pattern)} and no other.`,
    alphabet: COLOURS,
    accepts: (tape) => tape === pattern,
    tapes: (random) => [...withPattern(random, pattern), ...nearPattern(random, pattern)],
    gold: () =>
      automatonProgram([...chain(pattern, pattern.length), state(() => "reject" as const, true)]),
  }));

/** Begins with the pattern. 340 criteria. */
export const startsWith = (): ReadonlyArray<Criterion> =>
  PATTERNS.map((pattern) => ({
    family: "starts_with",
    id: pattern,
    sentence: `Accept exactly the tapes that begin with the sequence ${spelled(pattern)}.`,
    alphabet: COLOURS,
    accepts: (tape) => tape.startsWith(pattern),
    tapes: (random) => [
      ...withPattern(random, pattern),
      ...nearPattern(random, pattern),
      pattern + padding(random),
      pattern.slice(0, -1) + padding(random),
    ],
    gold: () => automatonProgram(chain(pattern, "accept")),
  }));

/** Ends with the pattern. 340 criteria. */
export const endsWith = (): ReadonlyArray<Criterion> =>
  PATTERNS.map((pattern) => ({
    family: "ends_with",
    id: pattern,
    sentence: `Accept exactly the tapes that end with the sequence ${spelled(pattern)}.`,
    alphabet: COLOURS,
    accepts: (tape) => tape.endsWith(pattern),
    tapes: (random) => [
      ...withPattern(random, pattern),
      ...nearPattern(random, pattern),
      padding(random) + pattern,
      padding(random) + pattern.slice(1),
    ],
    gold: () =>
      automatonProgram(
        matchTable(pattern).map((row, matched) =>
          state((colour) => row[colour], matched === pattern.length),
        ),
      ),
  }));
