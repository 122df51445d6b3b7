/** Changes of the tape: a sequence added at its end or at its beginning. What is left on the tape counts. */
import {
  COLOURS,
  type Colour,
  type Condition,
  type Node,
  painterOf,
  type Tape,
} from "../language/mod.ts";
import { type Criterion, sequences, spelled } from "./criterion.ts";
import { noise } from "./tape_recipe.ts";
import type { Random } from "@resd/core";

const END: Node = { type: "END", id: "end" };

/** Painters that add a sequence, named `p0`, `p1` …, and lead to `next`. */
const paint = (sequence: Tape, next: string): ReadonlyArray<Node> =>
  [...sequence].map((colour, i) => ({
    type: painterOf(colour as Colour),
    id: `p${i}`,
    next: i + 1 === sequence.length ? next : `p${i + 1}`,
  }));

const tapesOf =
  (sequence: Tape, colours: ReadonlyArray<Colour>) =>
  (random: Random): ReadonlyArray<Tape> => [
    sequence,
    sequence + sequence,
    ...colours.map((colour) => colour.repeat(3)),
    ...Array.from({ length: 8 }, () => noise(random, 1, 8, colours)),
    ...Array.from({ length: 4 }, () => noise(random, 12, 18, colours)),
  ];

/** The sequence behind the tape. 340 criteria. */
export const append = (): ReadonlyArray<Criterion> =>
  sequences(COLOURS, 1, 4).map((sequence) => ({
    family: "append",
    id: sequence,
    sentence: `Accept every tape, and leave it with the sequence ${spelled(sequence)} added at its end.`,
    alphabet: COLOURS,
    accepts: () => true,
    output: (tape) => tape + sequence,
    tapes: tapesOf(sequence, COLOURS),
    gold: () => [{ type: "START", id: "start", next: "p0" }, ...paint(sequence, "end"), END],
  }));

const RED_BLUE: ReadonlyArray<Colour> = ["R", "B"];

/**
 * The sequence before a tape of red and blue. 30 criteria. The gold program paints a yellow mark and the sequence at the
 * back, then moves the tape behind them until the mark is at the front, and takes it.
 */
export const prepend = (): ReadonlyArray<Criterion> =>
  sequences(RED_BLUE, 1, 4).map((sequence) => ({
    family: "prepend",
    id: sequence,
    sentence: `Tapes have red (R) and blue (B) only. Accept every such tape, and leave it with the sequence ${spelled(sequence)} added at its beginning.`,
    alphabet: RED_BLUE,
    accepts: () => true,
    output: (tape) => sequence + tape,
    tapes: tapesOf(sequence, RED_BLUE),
    gold: () => [
      { type: "START", id: "start", next: "mark" },
      { type: "PAINTER_YELLOW", id: "mark", next: "p0" },
      ...paint(sequence, "move"),
      {
        type: "PULLER_RB",
        id: "move",
        routes: new Map<Condition, string>([
          ["R", "red"],
          ["B", "blue"],
          ["EMPTY", "unmark"],
        ]),
      },
      { type: "PAINTER_RED", id: "red", next: "move" },
      { type: "PAINTER_BLUE", id: "blue", next: "move" },
      { type: "PULLER_YG", id: "unmark", routes: new Map<Condition, string>([["Y", "end"]]) },
      END,
    ],
  }));
