/** The environment: tasks of all kinds of puzzles, or of some. */
import { questions, type Reader, readCode, Unreadable, unreadable } from "@resd/env-kit";
import { Effect, Schema } from "effect";
import { countdown } from "./countdown.ts";
import { miniSudoku } from "./mini_sudoku.ts";
import { nQueens } from "./n_queens.ts";
import { type Level, LEVELS, type Puzzle } from "./puzzle.ts";
import { sokoban } from "./sokoban.ts";
import { towerOfHanoi } from "./tower_of_hanoi.ts";

const NAMES = ["countdown", "n-queens", "tower-of-hanoi", "mini-sudoku", "sokoban"] as const;
type Name = (typeof NAMES)[number];

/** Each over its own tasks: a task goes back only to the puzzle that drew it. */
const PUZZLES = {
  countdown,
  "n-queens": nQueens,
  "tower-of-hanoi": towerOfHanoi,
  "mini-sudoku": miniSudoku,
  sokoban,
} as unknown as Readonly<Record<Name, Puzzle<unknown>>>;

interface Task {
  readonly puzzle: Name;
  readonly task: unknown;
}

const MAX_ANSWER = 2000;

const read: Reader<string> = (text) => {
  const answer = readCode()(text);
  return answer instanceof Unreadable || answer.length <= MAX_ANSWER
    ? answer
    : unreadable(`Expected at most ${MAX_ANSWER} characters, got ${answer.length}.`);
};

export const { manifest, Options, layer } = questions({
  id: "puzzles",
  license: "Apache-2.0",
  options: {
    /** Kinds to draw from, equally often. */
    kinds: Schema.NonEmptyArray(Schema.Literals(NAMES)).pipe(
      Schema.withDecodingDefaultKey(
        Effect.succeed(NAMES as readonly [Name, ...ReadonlyArray<Name>]),
      ),
    ),
    /** How large puzzles are. */
    level: Schema.Literals(LEVELS).pipe(
      Schema.withDecodingDefaultKey(Effect.succeed<Level>("medium")),
    ),
  },
  draw: (random, { kinds, level }): Task => {
    const puzzle = random.pick(kinds);
    return { puzzle, task: PUZZLES[puzzle].draw(random, level) };
  },
  problem: ({ puzzle, task }) =>
    `${PUZZLES[puzzle].problem(task)} If you write anything else, put the answer between two lines of \`\`\`.`,
  gold: ({ puzzle, task }) => PUZZLES[puzzle].gold(task),
  read,
  grade: (answer, { puzzle, task }) => PUZZLES[puzzle].grade(answer, task),
  tests: true,
  maxFeedbackChars: 2000,
});
