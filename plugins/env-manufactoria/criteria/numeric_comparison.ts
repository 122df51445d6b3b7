/** Tapes as binary numbers, compared with a constant. */
import type { Random } from "@resd/core";
import { COLOURS, type Tape } from "../language/mod.ts";
import { automatonProgram, state, type Step } from "./automaton.ts";
import type { Criterion } from "./criterion.ts";
import { noise } from "./tape_recipe.ts";

/** Relations of a tape's value to the constant, with their words and their names in ids. */
const RELATIONS = [
  ["lt", "less than", (value: number, constant: number) => value < constant],
  ["le", "at most", (value: number, constant: number) => value <= constant],
  ["eq", "equal to", (value: number, constant: number) => value === constant],
  ["ne", "different from", (value: number, constant: number) => value !== constant],
  ["ge", "at least", (value: number, constant: number) => value >= constant],
  ["gt", "greater than", (value: number, constant: number) => value > constant],
] as const;

const LARGEST = 31;

/** Blue is 1, red is 0, the most significant digit first; the empty tape is 0. */
const valueOf = (tape: Tape): number =>
  tape === "" ? 0 : Number.parseInt(tape.replaceAll("R", "0").replaceAll("B", "1"), 2);

const tapeOf = (value: number): Tape => value.toString(2).replaceAll("0", "R").replaceAll("1", "B");

const tapesOf =
  (constant: number) =>
  (random: Random): ReadonlyArray<Tape> => {
    const near = [constant - 2, constant - 1, constant, constant + 1, constant + 2];
    const padded = (value: number) => "R".repeat(1 + random.int(8)) + tapeOf(value);
    return [
      ...near.filter((value) => value >= 0).flatMap((value) => [tapeOf(value), padded(value)]),
      tapeOf(2 * constant),
      tapeOf(2 * constant + 1),
      tapeOf(constant >> 1),
      [...tapeOf(constant)].toReversed().join(""),
      "R".repeat(1 + random.int(12)),
      "B".repeat(1 + random.int(12)),
      ...Array.from({ length: 3 }, () => tapeOf(random.int(constant + 1))),
      ...Array.from({ length: 2 }, () => noise(random, 12, 18, ["R", "B"])),
    ];
  };

/**
 * The tape's value stands in a relation to 0 … 31, leaving out "less than 0" and "at least 0". 190 criteria. State v of
 * the gold automaton has read the value v; the last one stands for all values above the constant, which only grow.
 */
export const numericComparison = (): ReadonlyArray<Criterion> =>
  Array.from({ length: LARGEST + 1 }, (_, constant) => constant).flatMap((constant) =>
    RELATIONS.filter(([id]) => constant > 0 || (id !== "lt" && id !== "ge")).map(
      ([id, words, holds]): Criterion => ({
        family: "numeric_comparison",
        id: `${id}${constant}`,
        sentence: `Tapes have red (R) and blue (B) only. Read them as binary numbers: blue is 1, red is 0, the front of the tape is the most significant digit, the empty tape is 0. Accept exactly the tapes whose number is ${words} ${constant}.`,
        alphabet: ["R", "B"],
        accepts: (tape) => holds(valueOf(tape), constant),
        tapes: tapesOf(constant),
        gold: () =>
          automatonProgram(
            Array.from({ length: constant + 2 }, (_, value) =>
              state(
                (colour): Step => {
                  const digit = COLOURS.indexOf(colour);
                  return digit > 1 ? "reject" : Math.min(2 * value + digit, constant + 1);
                },
                holds(value, constant),
              ),
            ),
          ),
      }),
    ),
  );
