/** The tower of Hanoi from any position: discs to be brought to one peg, never a larger one on a smaller one. */
import { unreadable } from "@resd/env-kit";
import { part, type Puzzle } from "./puzzle.ts";

/** The peg of each disc, the smallest first, and the peg where all shall be. Pegs are 0, 1 and 2. */
interface Task {
  readonly discs: ReadonlyArray<number>;
  readonly goal: number;
}

const PEGS = "ABC";
const COUNT = { easy: 3, medium: 4, hard: 6 } as const;

/** The moves that bring the `count` smallest discs to a peg, larger ones staying where they are. */
const moveTo = (discs: Task["discs"], count: number, goal: number): ReadonlyArray<string> => {
  if (count === 0) return [];
  const from = discs[count - 1]!;
  if (from === goal) return moveTo(discs, count - 1, goal);
  const aside = 3 - from - goal;
  const gathered = discs.map((peg, disc) => (disc < count - 1 ? aside : peg));
  return [
    ...moveTo(discs, count - 1, aside),
    `${PEGS[from]}${PEGS[goal]}`,
    ...moveTo(gathered, count - 1, goal),
  ];
};

/** What lies on a peg, from the bottom. */
const pile = (discs: Task["discs"], peg: number): string =>
  discs
    .flatMap((at, i) => (at === peg ? [i + 1] : []))
    .toReversed()
    .join(" ") || "empty";

export const towerOfHanoi: Puzzle<Task> = {
  draw: (random, level) => {
    const discs = Array.from({ length: COUNT[level] }, () => random.int(3));
    // Somewhere else than where the largest disc is, so that there is always something to do.
    return { discs, goal: (discs.at(-1)! + 1 + random.int(2)) % 3 };
  },
  problem: ({ discs, goal }) => `Discs of the sizes 1 to ${discs.length} lie on three pegs, \
from bottom to top:
${[...PEGS].map((name, peg) => `${name}: ${pile(discs, peg)}`).join("\n")}
Move all discs to peg ${PEGS[goal]}, one at a time from the top of a peg, and never onto a smaller one. \
Answer with the moves in order, such as AB BC for a move from A to B and one from B to C.`,
  gold: ({ discs, goal }) => moveTo(discs, discs.length, goal).join(" "),
  grade: (answer, { discs, goal }) => {
    const moves = answer.split(/[\s,]+/);
    if (!moves.every((move) => /^[ABC]{2}$/.test(move))) {
      return unreadable("Expected moves such as AB BC, separated by spaces.");
    }
    const now = [...discs];
    const illegal = moves.findIndex((move) => {
      const [from, to] = [PEGS.indexOf(move[0]!), PEGS.indexOf(move[1]!)];
      const [disc, below] = [now.indexOf(from), now.indexOf(to)];
      if (disc < 0 || from === to || (below >= 0 && below < disc)) return true;
      now[disc] = to;
      return false;
    });
    const bad = illegal < 0 ? undefined : `Move ${illegal + 1}, ${moves[illegal]}, is not allowed.`;
    const when = illegal < 0 ? "at the end" : `before move ${illegal + 1}`;
    const misplaced = (peg: number) =>
      peg === goal ? undefined : `It is on ${PEGS[peg]} ${when}.`;
    return {
      tests: [part("moves", bad), ...now.map((peg, i) => part(`disc ${i + 1}`, misplaced(peg)))],
    };
  },
};
