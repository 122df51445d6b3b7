/** Blocks of colours whose lengths keep a proportion: what no finite automaton can check, but a machine with a tape can. */
import type { Random } from "@resd/core";
import {
  COLOURS,
  COLOUR_NAMES,
  type Colour,
  type Condition,
  type Node,
  NONE,
  painterOf,
  PULLERS,
  type Puller,
  type Tape,
} from "../language/mod.ts";
import { type Criterion, otherColours } from "./criterion.ts";
import { noise } from "./tape_recipe.ts";

/** One block: `times` symbols of a colour for each of the n. */
interface Block {
  readonly colour: Colour;
  readonly times: 1 | 2;
}

const blockLists = (count: number): ReadonlyArray<ReadonlyArray<Block>> =>
  count === 0
    ? [[]]
    : blockLists(count - 1).flatMap((blocks) =>
        COLOURS.filter((colour) => blocks.every((block) => block.colour !== colour)).flatMap(
          (colour) => ([1, 2] as const).map((times) => [...blocks, { colour, times }]),
        ),
      );

const tapeOf = (blocks: ReadonlyArray<Block>, n: number): Tape =>
  blocks.map(({ colour, times }) => colour.repeat(n * times)).join("");

const pullerOf = (colour: Colour): Puller =>
  (PULLERS.PULLER_RB as ReadonlyArray<Colour>).includes(colour) ? "PULLER_RB" : "PULLER_YG";

const puller = (id: string, colour: Colour, on: Partial<Record<Condition, string>>): Node => ({
  type: pullerOf(colour),
  id,
  routes: new Map(Object.entries(on) as ReadonlyArray<[Condition, string]>),
});

/**
 * Marks the end of the tape with a colour that no block has, then goes round and round: each round takes `times` symbols
 * of every block and moves the rest of it to the back. The mark at the front of a new round means that all blocks ended
 * together; anything else out of its place is a rejection.
 */
const goldProgram = (blocks: ReadonlyArray<Block>): ReadonlyArray<Node> => {
  const mark = otherColours(blocks.map((block) => block.colour).join(""))[0]!;
  const first = blocks[0]!;
  const rounds = blocks.flatMap(({ colour, times }, i): ReadonlyArray<Node> => {
    const follower = blocks[i + 1];
    // The rest of a block ends where the next one begins: its first symbol is taken by the look that finds it.
    const after = follower === undefined ? mark : follower.colour;
    const next =
      follower === undefined ? "remark" : follower.times === 2 ? `take${i + 1}` : `move${i + 1}`;
    const moving = puller(`move${i}`, colour, {
      [colour]: `keep${i}`,
      ...(pullerOf(after) === pullerOf(colour) ? { [after]: next } : { EMPTY: `next${i}` }),
    });
    return [
      ...(times === 2 ? [puller(`take${i}`, colour, { [colour]: `move${i}` })] : []),
      moving,
      { type: painterOf(colour), id: `keep${i}`, next: `move${i}` },
      ...(pullerOf(after) === pullerOf(colour)
        ? []
        : [puller(`next${i}`, after, { [after]: next })]),
    ];
  });
  const begun = first.times === 2 ? "take0" : "move0";
  return [
    { type: "START", id: "start", next: "mark" },
    { type: painterOf(mark), id: "mark", next: "first" },
    // At least one round: n is not 0.
    puller("first", first.colour, { [first.colour]: begun }),
    ...rounds,
    { type: painterOf(mark), id: "remark", next: "round" },
    puller("round", first.colour, {
      [first.colour]: begun,
      ...(pullerOf(mark) === pullerOf(first.colour) ? { [mark]: "done" } : { EMPTY: "unmark" }),
    }),
    ...(pullerOf(mark) === pullerOf(first.colour)
      ? []
      : [puller("unmark", mark, { [mark]: "done" })]),
    puller("done", "R", { R: NONE, B: NONE, EMPTY: "empty" }),
    puller("empty", "Y", { Y: NONE, G: NONE, EMPTY: "end" }),
    { type: "END", id: "end" },
  ];
};

const tapesOf =
  (blocks: ReadonlyArray<Block>) =>
  (random: Random): ReadonlyArray<Tape> => {
    const one = tapeOf(blocks, 1);
    const two = tapeOf(blocks, 2);
    const three = tapeOf(blocks, 3);
    const without = (tape: Tape, at: number) => tape.slice(0, at) + tape.slice(at + 1);
    return [
      one,
      two,
      three,
      tapeOf(blocks, 4),
      one + one,
      one + two,
      two + noise(random, 1, 2),
      noise(random, 1, 2) + two,
      ...blocks.map((_, i) => tapeOf(blocks.with(i, { ...blocks[i]!, times: 2 }), 2)),
      ...blocks.map(({ colour }) => without(three, three.indexOf(colour))),
      ...blocks.map(({ colour }) => three.replace(colour, colour + colour)),
      tapeOf(blocks.slice(1), 2),
      tapeOf(blocks.slice(0, -1), 2),
      tapeOf(blocks.toReversed(), 2),
      random.shuffle([...three]).join(""),
      noise(random, 4, 8),
    ];
  };

const sentenceOf = (blocks: ReadonlyArray<Block>): string => {
  const parts = blocks.map(
    ({ colour, times }) => `${times === 1 ? "n" : "2n"} ${COLOUR_NAMES[colour]} (${colour})`,
  );
  return `Accept exactly the tapes that are ${parts.join(" followed by ")}, and nothing else, for some whole number n of at least 1.`;
};

/** n, or twice n, of two or three colours in turn. 48 + 192 criteria. */
export const sameNumber = (): ReadonlyArray<Criterion> =>
  [...blockLists(2), ...blockLists(3)].map((blocks) => ({
    family: "same_number_regex",
    id: blocks.map(({ colour, times }) => `${colour}${times}`).join(""),
    sentence: sentenceOf(blocks),
    alphabet: COLOURS,
    accepts: (tape) => {
      const sum = blocks.reduce((total, block) => total + block.times, 0);
      const n = tape.length / sum;
      return Number.isInteger(n) && n >= 1 && tape === tapeOf(blocks, n);
    },
    tapes: tapesOf(blocks),
    gold: () => goldProgram(blocks),
  }));
